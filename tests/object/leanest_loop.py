#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The leanest loop of products in Thumb code: llvm-objdump-19 -d --no-show-raw-insn FILE | leanest_loop.py MULTIPLIES
Prints its instructions, its products and how many instructions touch the stack."""
import re
import sys


def main():
    best, lines, places = None, [], {}
    for line in sys.stdin:
        place = re.match(r"\s+([0-9a-f]+):\s+(.*)", line)
        if line.endswith(">:\n"):  # a function begins
            lines, places = [], {}
        if not place:
            continue
        places[int(place[1], 16)] = len(lines)
        lines.append(place[2])
        jump = re.match(r"(?:b\w*(?:\.w)?|letp|le)\s.*0x([0-9a-f]+) <", place[2])
        if not jump or int(jump[1], 16) not in places:
            continue
        body = lines[places[int(jump[1], 16)]:]
        products = sum(bool(re.match(sys.argv[1], text)) for text in body)
        stack = sum("sp" in text for text in body)
        if products and (best is None or len(body) * best[1] < best[0] * products):
            best = (len(body), products, stack)
    print(*best)


main()
