// SPDX-License-Identifier: MIT
// A variable is deleted.

int main()
{
    static int number = 42;
    int *volatile pointer = &number;
    delete pointer;
    return 0;
}
