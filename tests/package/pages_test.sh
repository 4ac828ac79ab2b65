#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Man pages format without a warning, completions complete, and both know every option that --help tells.
# usage: pages_test.sh BUILD_FOLDER
set -u
build=$1
pages=$build/tools/pages
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
passed=0 failed=0
declare -A paths=([hml]=$build/tools/hml/hml [hmlc]=$build/tools/hmlc/hmlc [hml-opt]=$build/tools/hml-opt/hml-opt)

# result WHAT STATUS
result() {
    if [ "$2" -eq 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $1"
    fi
}

# The words of a program's commands; one empty one where it has none.
commands_of() { if [ "$1" = hml-opt ]; then echo; else "${paths[$1]}" help | sed -n 's/^  \([a-z]*\) .*/\1/p'; fi; }

for program in hml hmlc hml-opt; do
    manual=$pages/man/man1/$program.1
    # shellcheck disable=SC2046
    for option in $(for command in $(commands_of $program) ''; do "${paths[$program]}" $command --help; done | grep -o '^  .*--[a-z-]*' | grep -o -e '--[a-z-]*$' | sort -u); do
        for page in "$pages/bash-completion/completions/$program" "$pages/zsh/site-functions/_$program"; do
            grep -q -e "$option" "$page"
            result "$page has no $option" $?
        done
        grep -q -F -e "$(printf %s "$option" | sed 's/-/\\-/g')" "$manual"
        result "$manual has no $option" $?
        grep -q -e " -l ${option#--} " "$pages/fish/vendor_completions.d/$program.fish"
        result "fish knows no $option of $program" $?
    done
    if command -v groff >/dev/null; then
        [ -z "$(groff -man -Tutf8 -ww -z "$manual" 2>&1)" ]
        result "groff warns of $manual" $?
    else
        echo "skipped: no groff to format man pages (Debian: groff-base)"
    fi
done
[ "$passed" -gt 100 ]
result "options of --help were found" $?

# -- bash ----------------------------------------------------------------------------------------
mkdir -p "$place/files/folder"
touch "$place/files/model.onnx" "$place/files/a picture.png"
cd "$place/files" || exit 1

# complete_as EXPECTED WORD...: what bash offers for the last word, its words as bash splits them.
complete_as() {
    local expected=$1 got
    shift
    # shellcheck source=/dev/null
    got=$(. "$pages/bash-completion/completions/$1" && COMP_WORDS=("${paths[$1]}" "${@:2}") && COMP_CWORD=$(($# - 1)) &&
        "_complete_$1" && printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd '|')
    [ "$got" = "$expected" ]
    result "bash: '$*' gives '$got', expected '$expected'" $?
}
complete_as 'calibrate|check|compare|compile' hmlc c
complete_as 'bench' hml b
complete_as 'compare|compile' hmlc help comp
complete_as '--emit' hmlc compile --em
complete_as 'llvm-ir' hmlc compile --emit l
complete_as 'artifact|asm' hmlc compile --emit = a
complete_as 'x86-64-v2|x86-64-v3|x86-64-v3-vnni|x86-64-v4|x86-64-v4-vnni' hmlc compile --target x86
complete_as 'x86-64-v2,x86-64-v4|x86-64-v2,x86-64-v4-vnni' hmlc compile --target x86-64-v2,x86-64-v4
complete_as 'model.onnx' hmlc compile m
complete_as 'a picture.png' hml run m.hml --input image = a
complete_as 'folder' hml run m.hml --test-data ''
complete_as '' hml run m.hml --seed ''
complete_as '' hmlc explain ''
complete_as '--passes|--print-after' hml-opt --p
complete_as 'a picture.png|folder|model.onnx' hml-opt ''
(
    # shellcheck source=/dev/null
    . "$pages/bash-completion/completions/hmlc"
    complete -p hmlc
) >/dev/null
result "bash: hmlc has a completion" $?

# -- fish and zsh --------------------------------------------------------------------------------
PATH=$build/tools/hmlc:$build/tools/hml:$build/tools/hml-opt:$PATH
if command -v fish >/dev/null; then
    # offers EXPECTED TEXT
    offers() {
        local got
        got=$(HOME=$place fish --no-config -c "source $pages/fish/vendor_completions.d/hmlc.fish; complete -C '$2'" | cut -f 1 | sort | paste -sd '|')
        [ "$got" = "$1" ]
        result "fish: '$2' gives '$got', expected '$1'" $?
    }
    offers 'calibrate|check|compare|compile' 'hmlc c'
    offers '--emit' 'hmlc compile --em'
    offers 'artifact|asm|ir|llvm-ir|object|onnx' 'hmlc compile --emit '
    offers 'x86-64-v2|x86-64-v3|x86-64-v3-vnni|x86-64-v4|x86-64-v4-vnni' 'hmlc compile --target x86'
    offers 'folder/' 'hmlc test fol'
else
    echo "skipped: no fish to try its completion"
fi
if command -v zsh >/dev/null; then
    # becomes EXPECTED TEXT: what a line is after the tab key.
    becomes() {
        local got
        got=$(ZDOTDIR=$place timeout 60 zsh -f -c '
            zmodload zsh/zpty
            zpty shell zsh -f -i
            zpty -w shell "PS1= RPS1=; fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D; stty -echo; setopt no_always_last_prompt"
            zpty -w shell "show() { print -r -- \"line:\$BUFFER:\"; exit }; zle -N show; bindkey \"^X\" show; print ready-\$((1 + 1))"
            while zpty -r shell line && [[ $line != *ready-2* ]]; do :; done
            zpty -w -n shell "$2"$'"'\\t\\C-x'"'
            while zpty -r shell line; do print -r -- $line; done' zsh "$pages/zsh/site-functions" "$2" | sed -n 's/.*line:\(.*\):.*/\1/p' | head -1)
        [ "$got" = "$1" ]
        result "zsh: '$2' becomes '$got', expected '$1'" $?
    }
    becomes 'hmlc explain ' 'hmlc expl'
    becomes 'hmlc compile --emit=' 'hmlc compile --em'
    becomes 'hmlc compile --emit llvm-ir ' 'hmlc compile --emit l'
    becomes 'hmlc compile --target x86-64-v' 'hmlc compile --target x'
    becomes 'hmlc compile model.onnx ' 'hmlc compile mo'
    becomes 'hml-opt --storage ' 'hml-opt --sto'
    becomes 'hml run --input image=model.onnx ' 'hml run --input image=mo'
else
    echo "skipped: no zsh to try its completion"
fi
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
