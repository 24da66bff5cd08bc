// SPDX-License-Identifier: MIT
// An array is deleted twice.

int main()
{
    int *volatile numbers = new int[1000];
    delete[] numbers;
    delete[] numbers;
    return 0;
}
