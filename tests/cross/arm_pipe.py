#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Share of the bound that its products alone set, of the k loop with most products in AArch64 assembly.

arm_pipe.py FILE.s CORE=SHARE...: fails where a share is below, or the loop touches the stack. cortex-a53 and -a55 go through the pipe below:
LLVM's models of them know neither which instructions go together nor that a load of 128 bits takes two cycles. Others are llvm-mca-19's,
with the products a cycle that LLVM's model of the core has. Models know no caches: read them as +-10 %, good for comparing forms.

The pipe issues in order, two instructions a cycle where they go together, each when what it reads is there (ncnn, "arm a53 a55 dual issue";
onnxruntime's kernels for the A55, pull request 10754): products with loads to general registers, with integers and jumps; on the A55 also with
loads of 64 bits and with insertions, on the A53 these two with each other. A load of 128 bits goes with nothing and takes two cycles.
"""
import re
import subprocess
import sys
import tempfile

PRODUCT, MOVE, LOAD64, LOAD128, LOAD, INTEGER, JUMP = "product move load64 load128 load integer jump".split()
PRODUCTS = ("fmla", "fmul", "fadd", "bfmmla", "smmla", "sdot", "smull", "smlal", "sadalp")  # of bytes, with what adds up products in 16 bits
LATENCY = {PRODUCT: 4, MOVE: 2, LOAD64: 4, LOAD128: 4, LOAD: 3, INTEGER: 1, JUMP: 1}
SCALAR = [{LOAD, INTEGER}, {INTEGER}, {INTEGER, LOAD64}, {INTEGER, JUMP}, {LOAD, JUMP}, {LOAD64, JUMP}, {MOVE, JUMP}]
BOTH = SCALAR + [{PRODUCT, LOAD}, {PRODUCT, INTEGER}, {PRODUCT, JUMP}, {LOAD64, MOVE}, {MOVE, LOAD}, {MOVE, INTEGER}]
TOGETHER = {"cortex-a53": BOTH, "cortex-a55": BOTH + [{PRODUCT, LOAD64}, {PRODUCT, MOVE}, {MOVE}]}
# llvm-mca's name of the model, products of four lanes a cycle, those of bfmmla and smmla (A72 has the A57's pipes, A76 those of Neoverse N1)
MODELS = {
    "cortex-a72": ("cortex-a57", 1, 0),
    "neoverse-n1": ("neoverse-n1", 2, 0),
    "neoverse-n2": ("neoverse-n2", 2, 2),
    "neoverse-v1": ("neoverse-v1", 4, 4),
    "neoverse-v2": ("neoverse-v2", 4, 4),
}


def loops(text):
    """Lists of lines between a label and the jump back to it, without a label between."""
    lines, label = [], None
    for line in text.splitlines():
        line = line.split("//")[0].strip()
        found = re.match(r"(\.L\w+):", line)
        if found:
            label, lines = found[1], []
        elif line and not line.startswith("."):
            lines.append(line)
            if re.match(r"(b\.\w+|cbn?z\s.*,)\s*%s$" % re.escape(label or "-"), line):
                yield list(lines)
            if re.match(r"b\b", line):
                label = None


def registers(text):
    """Numbers of general and vector registers, however they are written."""
    return [("v" if kind in "vqds" else "x") + number for kind, number in re.findall(r"\b([vqdswx])(\d+)\b", text)]


def decode(line):
    """Kind, what it writes, what it reads."""
    name, _, rest = line.partition("\t") if "\t" in line else line.partition(" ")
    operands = [part.strip() for part in re.split(r",(?![^\[]*\])", rest)]
    if name.startswith(PRODUCTS):
        return PRODUCT, registers(operands[0]), registers(rest)
    if name.startswith("ld"):
        count = 2 if name == "ldp" else 1
        kind = {"q": LOAD128, "d": LOAD64, "s": LOAD64}.get(operands[0][0], LOAD128 if name.startswith("ld1") else LOAD)
        return kind, registers(",".join(operands[:count])), registers(",".join(operands[count:]))
    if name in ("mov", "fmov", "ins", "dup") and rest.lstrip()[0] in "vqds":
        return MOVE, registers(operands[0]), registers(rest if "[" in operands[0] else ",".join(operands[1:]))
    if name.startswith("b") or name.startswith("cb"):
        return JUMP, [], []
    if name.startswith("prfm"):
        return LOAD, [], registers(rest)
    return INTEGER, registers(operands[0]), registers(rest)


def cycles_in_order(lines, core):
    """Of one pass, when the passes before have filled the pipe."""
    code, passes = [decode(line) for line in lines], 12
    ready, clock, alone, starts = {}, 0, None, []
    for _ in range(passes):
        starts.append(clock)
        for kind, writes, reads in code:
            needed = max([ready.get(register, 0) for register in reads], default=0)
            if alone is not None and needed <= clock and kind != LOAD128 and {alone, kind} in TOGETHER[core]:
                issued, clock, alone = clock, clock + 1, None
            else:
                clock = max(clock + (alone is not None), needed)
                issued, alone = clock, None if kind == LOAD128 else kind
                clock += 2 * len(writes) if kind == LOAD128 else 0
            for place, register in enumerate(writes):
                ready[register] = issued + LATENCY[kind] + 2 * place * (kind == LOAD128)
    return (starts[-1] - starts[passes // 2]) / (passes - 1 - passes // 2)


def cycles_by_model(lines, model):
    with tempfile.NamedTemporaryFile("w", suffix=".s") as file:
        file.write("\n".join(lines) + "\n")
        file.flush()
        said = subprocess.run(["llvm-mca-19", "-mtriple=aarch64", "-mcpu=" + model, "-iterations=200", file.name], check=True, capture_output=True, text=True).stdout
    return int(re.search(r"Total Cycles:\s+(\d+)", said)[1]) / 200


def main():
    best = max(loops(open(sys.argv[1]).read()), key=lambda lines: sum(decode(line)[0] == PRODUCT for line in lines), default=[])
    products = sum(decode(line)[0] == PRODUCT for line in best)
    failed = products < 16 or any("[sp" in line for line in best)
    print("%d products in %d instructions%s" % (products, len(best), ", which touch the stack or are too few" if failed else ""))
    for word in sys.argv[2:]:
        core, _, wanted = word.partition("=")
        model, rate, squares = MODELS.get(core, (None, 1, 0))
        rate = squares if any(line.startswith(("bfmmla", "smmla")) for line in best) else rate
        cycles = cycles_by_model(best, model) if model else cycles_in_order(best, core)
        share = products / rate / cycles
        failed |= share < float(wanted)
        print("%s: %.1f cycles, %.3f of the bound%s" % (core, cycles, share, "" if share >= float(wanted) else ", less than " + wanted))
    sys.exit(failed)


main()
