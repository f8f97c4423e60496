# Adds up an order: item,count,cents, after a line with these names.
BEGIN { FS = "," }

NR > 1 { total += $2 * $3 }

END {
    if (total > 10000) {
        total -= total / 10
    }
    printf "%d.%02d\n", total / 100, total % 100
}
