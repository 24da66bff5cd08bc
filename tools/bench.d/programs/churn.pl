#!/usr/bin/env perl
# SPDX-License-Identifier: MIT
# Hashes, lists and strings made and dropped: what perl's reference counts do to its allocator.
use strict;
use warnings;

my $seed = 42;

sub number {
    my ($limit) = @_;
    $seed = ($seed * 1103515245 + 12345) % 2147483648;
    return ($seed >> 8) % $limit;
}

# Words counted, and the lines in which they are.
sub count_words {
    my ($lines) = @_;
    my (%counts, %places);
    for my $line (1 .. $lines) {
        my $text = join ' ', map { 'word' . number(3000) } 1 .. 12;
        for my $word (split / /, $text) {
            $counts{$word}++;
            push @{ $places{$word} }, $line;
        }
    }
    my $sum = 0;
    $sum += $counts{$_} * @{ $places{$_} } for sort keys %counts;
    return $sum;
}

sub tree {
    my ($depth) = @_;
    return { key => number(1000) } if $depth == 0;
    return { key => number(1000), children => [ map { tree($depth - 1) } 1 .. 3 ] };
}

sub total {
    my ($node) = @_;
    my $sum = $node->{key};
    $sum += total($_) for @{ $node->{children} // [] };
    return $sum;
}

my $result = 0;
for (1 .. 3) {
    $result += count_words(5000) + total(tree(8));
    my @texts = map { 'x' x number(300) } 1 .. 30000;
    $texts[ number(30000) ] = 'y' x number(3000) for 1 .. 60000;
    my $joined = join ',', @texts;
    $joined =~ s/x{5}/z/g;
    $result += length $joined;
}
print "$result\n";
