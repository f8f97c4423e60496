#!/bin/sh
# Adds up some orders, and compares the totals.

cd "$(dirname "$0")/.." || exit 2
failed=0

check() {
    got=$(printf '%b' "item,count,cents\n$3" | awk -f lib/total.awk)
    if [ "$got" = "$2" ]; then
        echo "ok    $1"
    else
        echo "FAIL  $1: expected $2, got $got"
        failed=1
    fi
}

check "an empty order" "0.00" ""
check "several items" "12.55" "pen,3,250\nclip,101,5\n"
check "just below the discount" "99.99" "chair,1,9999\n"
check "a discount from 100.00 on" "90.00" "chair,1,10000\n"
check "a discount above it" "180.00" "chair,2,10000\n"

exit "$failed"
