# SPDX-License-Identifier: MIT
# The compiler and a program with threads, collections, strings, streams and garbage.
# needs: javac java
set -eu

cp "$CASES/Churn.java" .
options="-Xmx256m -Xshare:auto -XX:+UseSerialGC"
java $options -version 2>&1 | head -n 1
javac -J-Xmx256m -d . Churn.java
java $options -cp . Churn
java -Xmx256m -XX:+UseG1GC -cp . Churn | tail -n 1

echo "the case is complete"
