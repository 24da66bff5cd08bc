# SPDX-License-Identifier: MIT
# Pictures made, resized, blurred, turned, put together, and written in several formats.
# needs: convert-im6.q16
set -eu

export MAGICK_THREAD_LIMIT=2
convert=convert-im6.q16
$convert -size 400x300 gradient:navy-orange -swirl 120 -resize 250% first.png
$convert -size 400x300 plasma:fractal -seed 42 -fill white -colorize 100% second.png
$convert first.png -blur 0x3 -rotate 17 -crop 700x500+50+50 +repage third.miff
$convert first.png third.miff -append -colors 64 fourth.gif
$convert first.png -resize 160x120! -sharpen 0x2 -quality 80 fifth.jpg
$convert fifth.jpg -charcoal 2 -negate -modulate 120,80 sixth.ppm
$convert first.png -define png:compression-level=9 -depth 8 seventh.png
for file in first.png second.png third.miff fourth.gif fifth.jpg sixth.ppm seventh.png; do
    $convert "$file" -format "$file %w %h %#\n" info:
done
$convert first.png -resize 40x30 -depth 8 txt:- | tail -n +2 | cut -d' ' -f1-3 | cksum
$convert no-such-file.png nothing.png 2>/dev/null || echo "refused with status $?"

echo "the case is complete"
