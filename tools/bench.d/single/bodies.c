// SPDX-License-Identifier: MIT
// Bodies that attract each other, in the manner of barnes: at each step an octree of cells is built in which each cell
// knows mass and centre of what is in it, the forces are taken from it, and the tree is dropped. The work is counted
// in steps.
#include "single.h"

enum { BODY_COUNT = 4000, CHILD_COUNT = 8, DEPTH_MAX = 40 };

static const double step_seconds = 0.01;
static const double opening =
    0.8; // a cell is seen as one body if its size is below this share of its distance
static const double softening = 0.01;

struct vector {
    double x, y, z;
};

struct body {
    struct vector position;
    struct vector velocity;
    double mass;
};

struct cell {
    struct cell *children[CHILD_COUNT];
    struct body *body; // of a leaf that holds one
    struct vector middle;
    double half_size;
    struct vector centre; // of mass
    double mass;
};

static struct cell *cell_new(struct vector middle, double half_size)
{
    struct cell *cell = memory_new(sizeof *cell);
    *cell = (struct cell){.middle = middle, .half_size = half_size};
    return cell;
}

static unsigned octant_of(const struct cell *cell, struct vector at)
{
    return (at.x >= cell->middle.x) + 2u * (at.y >= cell->middle.y) + 4u * (at.z >= cell->middle.z);
}

static struct cell *child_of(struct cell *cell, struct vector at)
{
    struct cell **child = &cell->children[octant_of(cell, at)];
    if (*child == NULL) {
        double half = cell->half_size / 2;
        struct vector middle = {cell->middle.x + (at.x >= cell->middle.x ? half : -half),
                                cell->middle.y + (at.y >= cell->middle.y ? half : -half),
                                cell->middle.z + (at.z >= cell->middle.z ? half : -half)};
        *child = cell_new(middle, half);
    }
    return *child;
}

static void add_mass(struct cell *cell, const struct body *body)
{
    double mass = cell->mass + body->mass;
    cell->centre.x += (body->position.x - cell->centre.x) * body->mass / mass;
    cell->centre.y += (body->position.y - cell->centre.y) * body->mass / mass;
    cell->centre.z += (body->position.z - cell->centre.z) * body->mass / mass;
    cell->mass = mass;
}

// A leaf holds one body; when a second comes, both go one level down. Where two are in one place the second is only
// a mass, at the greatest depth.
static void insert(struct cell *cell, struct body *body, unsigned depth)
{
    int is_leaf = cell->mass == 0;
    add_mass(cell, body);
    if (depth == DEPTH_MAX) {
        return;
    }
    if (is_leaf) {
        cell->body = body;
        return;
    }
    if (cell->body != NULL) {
        struct body *other = cell->body;
        cell->body = NULL;
        insert(child_of(cell, other->position), other, depth + 1);
    }
    insert(child_of(cell, body->position), body, depth + 1);
}

static void tree_free(struct cell *cell)
{
    for (unsigned i = 0; i < CHILD_COUNT; i++) {
        if (cell->children[i] != NULL) {
            tree_free(cell->children[i]);
        }
    }
    free(cell);
}

// By the inverse cube of the distance, not by its square: so no square root is taken.
static void attract(const struct cell *cell, struct body *body)
{
    if (cell->body == body) {
        return;
    }
    struct vector way = {cell->centre.x - body->position.x, cell->centre.y - body->position.y,
                         cell->centre.z - body->position.z};
    double square = way.x * way.x + way.y * way.y + way.z * way.z + softening;
    double size = 2 * cell->half_size;
    if (cell->body != NULL || size * size < opening * opening * square) {
        double pull = step_seconds * cell->mass / (square * square);
        body->velocity.x += way.x * pull;
        body->velocity.y += way.y * pull;
        body->velocity.z += way.z * pull;
        return;
    }
    for (unsigned i = 0; i < CHILD_COUNT; i++) {
        if (cell->children[i] != NULL) {
            attract(cell->children[i], body);
        }
    }
}

static void step(struct body *bodies)
{
    struct cell *root = cell_new((struct vector){0, 0, 0}, 4);
    for (size_t i = 0; i < BODY_COUNT; i++) {
        insert(root, &bodies[i], 0);
    }
    for (size_t i = 0; i < BODY_COUNT; i++) {
        attract(root, &bodies[i]);
    }
    for (size_t i = 0; i < BODY_COUNT; i++) {
        bodies[i].position.x += bodies[i].velocity.x * step_seconds;
        bodies[i].position.y += bodies[i].velocity.y * step_seconds;
        bodies[i].position.z += bodies[i].velocity.z * step_seconds;
    }
    tree_free(root);
}

static double random_coordinate(uint64_t *seed)
{
    return (double)random_below(seed, 2000001) / 1000000 - 1;
}

int main(int argc, char **argv)
{
    uint64_t seed = 51;
    struct body *bodies = memory_new(BODY_COUNT * sizeof *bodies);
    for (size_t i = 0; i < BODY_COUNT; i++) {
        struct vector at = {random_coordinate(&seed), random_coordinate(&seed),
                            random_coordinate(&seed)};
        bodies[i] = (struct body){.position = at, .mass = 1.0 / BODY_COUNT};
    }
    for (unsigned long left = work_of(argc, argv); left > 0; left--) {
        step(bodies);
    }
    struct vector sum = {0, 0, 0};
    for (size_t i = 0; i < BODY_COUNT; i++) {
        sum.x += bodies[i].position.x * bodies[i].position.x;
        sum.y += bodies[i].position.y * bodies[i].position.y;
        sum.z += bodies[i].position.z * bodies[i].position.z;
    }
    printf("%.9f %.9f %.9f\n", sum.x, sum.y, sum.z);
    free(bodies);
    return 0;
}
