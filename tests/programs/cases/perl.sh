# SPDX-License-Identifier: MIT
# Hashes, regular expressions, sorting, closures, string building, fork, sprintf.
# needs: perl
set -eu

perl <<'END'
use strict;
use warnings;
my %count;
my $state = 42;
my @words = map { $state = ($state * 1103515245 + 12345) % 2147483648; "w" . $state % 5000 } 1 .. 60000;
$count{$_}++ for @words;
my @top = (sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count)[0 .. 9];
print "$_ $count{$_}\n" for @top;
my $text = join " ", @words;
my $changed = () = $text =~ s/w(\d)(\d*)/$2$1/gr =~ /\b1\d+/g;
print length($text), " $changed\n";
my @tree = map { { id => $_, list => [ 1 .. $_ % 30 ], name => "n" x ($_ % 200) } } 1 .. 8000;
my $sum = 0;
$sum += @{ $_->{list} } + length $_->{name} for @tree;
print "$sum\n";
@tree = grep { $_->{id} % 3 } @tree;
my @closures = map { my $n = $_; sub { $n += shift; $n } } 1 .. 2000;
$sum = 0;
$sum += $_->(5) for @closures;
print "$sum\n";
my $big = "";
$big .= sprintf "%08x-%s;", $_ * 2654435761 % 4294967296, "x" x ($_ % 17) for 1 .. 40000;
print unpack("%32C*", $big), "\n";
print join(",", map { reverse split //, $_ } (split /;/, $big)[0 .. 3]), "\n";
for my $child (1 .. 3) {
    my $pid = fork;
    if (!$pid) { my @list = map { "c$_" } 1 .. 20000; exit scalar(@list) % 256 }
    waitpid $pid, 0;
    print $? >> 8, "\n";
}
END
perl -MList::Util=shuffle,sum -MData::Dumper -MPOSIX -e '$Data::Dumper::Sortkeys = 1; print Dumper({ map { $_ => [ 1 .. $_ ] } 1 .. 5 }), sum(1 .. 10000), floor(3.7), "\n"'

echo "the case is complete"
