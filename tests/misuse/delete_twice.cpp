// SPDX-License-Identifier: MIT
// An object is deleted twice.

struct point {
    int x;
    int y;
};

int main()
{
    point *volatile object = new point{1, 2};
    delete object;
    delete object;
    return 0;
}
