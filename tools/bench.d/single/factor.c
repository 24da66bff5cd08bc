// SPDX-License-Identifier: MIT
// Factors large numbers by Pollard's rho, in the manner of cfrac: numbers are tiny objects that never change, so
// that every step of the arithmetic makes one and drops another. The work is counted in numbers.
#include "single.h"

#include <stdbool.h>
#include <string.h>

// Digits to the base 2^16, the lowest first; the highest is not zero. Zero has no digits.
struct number {
    unsigned references;
    unsigned length;
    uint16_t digits[];
};

static struct number *number_new(unsigned length)
{
    struct number *number = memory_new(sizeof *number + length * sizeof number->digits[0]);
    number->references = 1;
    number->length = length;
    return number;
}

static struct number *number_of(uint64_t value)
{
    struct number *number = number_new(4);
    for (unsigned i = 0; i < 4; i++) {
        number->digits[i] = (uint16_t)(value >> (16 * i));
    }
    while (number->length > 0 && number->digits[number->length - 1] == 0) {
        number->length--;
    }
    return number;
}

static struct number *keep(struct number *number)
{
    number->references++;
    return number;
}

static void drop(struct number *number)
{
    if (--number->references == 0) {
        free(number);
    }
}

// Puts a new value in the place of an old one.
static void set(struct number **place, struct number *number)
{
    drop(*place);
    *place = number;
}

static void trim_length(struct number *number)
{
    while (number->length > 0 && number->digits[number->length - 1] == 0) {
        number->length--;
    }
}

static int compare(const struct number *a, const struct number *b)
{
    if (a->length != b->length) {
        return a->length < b->length ? -1 : 1;
    }
    for (unsigned i = a->length; i-- > 0;) {
        if (a->digits[i] != b->digits[i]) {
            return a->digits[i] < b->digits[i] ? -1 : 1;
        }
    }
    return 0;
}

static struct number *add(const struct number *a, const struct number *b)
{
    const struct number *longer = a->length >= b->length ? a : b;
    const struct number *shorter = longer == a ? b : a;
    struct number *sum = number_new(longer->length + 1);
    uint32_t carry = 0;
    for (unsigned i = 0; i < longer->length; i++) {
        carry += longer->digits[i] + (i < shorter->length ? (uint32_t)shorter->digits[i] : 0);
        sum->digits[i] = (uint16_t)carry;
        carry >>= 16;
    }
    sum->digits[longer->length] = (uint16_t)carry;
    trim_length(sum);
    return sum;
}

// a - b; a is not less than b.
static struct number *subtract(const struct number *a, const struct number *b)
{
    struct number *rest = number_new(a->length);
    uint32_t borrow = 0;
    for (unsigned i = 0; i < a->length; i++) {
        uint32_t less = (i < b->length ? (uint32_t)b->digits[i] : 0) + borrow;
        borrow = a->digits[i] < less;
        rest->digits[i] = (uint16_t)(a->digits[i] - less);
    }
    trim_length(rest);
    return rest;
}

static struct number *multiply(const struct number *a, const struct number *b)
{
    struct number *product = number_new(a->length + b->length);
    memset(product->digits, 0, product->length * sizeof product->digits[0]);
    for (unsigned i = 0; i < a->length; i++) {
        uint32_t carry = 0;
        for (unsigned j = 0; j < b->length; j++) {
            carry += (uint32_t)a->digits[i] * b->digits[j] + product->digits[i + j];
            product->digits[i + j] = (uint16_t)carry;
            carry >>= 16;
        }
        product->digits[i + b->length] = (uint16_t)carry;
    }
    trim_length(product);
    return product;
}

// rest * 2^16 + digit
static struct number *append(const struct number *rest, uint16_t digit)
{
    struct number *wider = number_new(rest->length + 1);
    memcpy(wider->digits + 1, rest->digits, rest->length * sizeof rest->digits[0]);
    wider->digits[0] = digit;
    trim_length(wider);
    return wider;
}

// The three digits from `top` down, as one word; a number is zero above its highest digit.
static uint64_t head_of(const struct number *number, unsigned top)
{
    uint64_t head = 0;
    for (unsigned i = 0; i < 3; i++) {
        unsigned at = top - i;
        head = head << 16 | (at < number->length ? number->digits[at] : 0);
    }
    return head;
}

// a mod n, digit by digit from the top. How often n goes in is guessed from the heads, never too high.
static struct number *modulo(const struct number *a, const struct number *n)
{
    struct number *rest = number_of(0);
    for (unsigned i = a->length; i-- > 0;) {
        set(&rest, append(rest, a->digits[i]));
        while (compare(rest, n) >= 0) {
            uint64_t times = head_of(rest, n->length) / (head_of(n, n->length) + 1);
            struct number *factor = number_of(times > 0 ? times : 1);
            struct number *part = multiply(n, factor);
            set(&rest, subtract(rest, part));
            drop(part);
            drop(factor);
        }
    }
    return rest;
}

static struct number *greatest_common_divisor(struct number *a, struct number *b)
{
    a = keep(a);
    b = keep(b);
    while (b->length != 0) {
        struct number *rest = modulo(a, b);
        drop(a);
        a = b;
        b = rest;
    }
    drop(b);
    return a;
}

// x * x + step, mod n
static struct number *next(const struct number *x, const struct number *step,
                           const struct number *n)
{
    struct number *square = multiply(x, x);
    struct number *sum = add(square, step);
    struct number *result = modulo(sum, n);
    drop(square);
    drop(sum);
    return result;
}

// A factor of n that is neither 1 nor, most probably, n.
static struct number *factor_of(struct number *n)
{
    struct number *one = number_of(1);
    struct number *slow = number_of(2);
    struct number *fast = number_of(2);
    struct number *divisor = keep(one);
    while (compare(divisor, one) == 0) {
        set(&slow, next(slow, one, n));
        set(&fast, next(fast, one, n));
        set(&fast, next(fast, one, n));
        bool is_less = compare(slow, fast) < 0;
        struct number *difference = is_less ? subtract(fast, slow) : subtract(slow, fast);
        set(&divisor, greatest_common_divisor(n, difference));
        drop(difference);
    }
    drop(one);
    drop(slow);
    drop(fast);
    return divisor;
}

static void print(const struct number *number)
{
    for (unsigned i = number->length; i-- > 0;) {
        printf("%04x", number->digits[i]);
    }
}

int main(int argc, char **argv)
{
    // Primes, the products of two of which are factored.
    static const uint64_t primes[] = {16777259,  33554467,  67108879,
                                      134217757, 268435459, 536870923};
    enum { PRIME_COUNT = sizeof primes / sizeof primes[0] };
    unsigned long work = work_of(argc, argv);
    for (unsigned long i = 0; i < work; i++) {
        struct number *p = number_of(primes[i % PRIME_COUNT]);
        struct number *q = number_of(primes[(i + 1 + i / PRIME_COUNT) % PRIME_COUNT]);
        struct number *n = multiply(p, q);
        struct number *factor = factor_of(n);
        print(n);
        printf(" has the factor ");
        print(factor);
        printf("\n");
        drop(p);
        drop(q);
        drop(n);
        drop(factor);
    }
    return 0;
}
