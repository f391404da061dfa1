# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for virt-vdmabuf                                         -*- shell-script -*-

# The candidates on standard input, one a line, that go on with the current word; quoted, as the
# names of domains can have blanks in them
_virt_vdmabuf_offer()
{
    local candidate

    while IFS= read -r candidate; do
        [[ -n $candidate && $candidate == "$cur"* ]] &&
            COMPREPLY+=("$(printf '%q' "$candidate")")
    done
}

_virt_vdmabuf_domains()
{
    virt-vdmabuf list --name "$@" "${connect[@]}" 2>/dev/null </dev/null
}

_virt_vdmabuf_devices()
{
    virt-vdmabuf show "${connect[@]}" -- "$1" 2>/dev/null </dev/null | sed -n 's/^Device: *//p'
}

_virt_vdmabuf_files()
{
    local file

    while IFS= read -r file; do
        [[ -d $file ]] && printf '%s/\n' "$file"
        [[ $file == *.xml ]] && printf '%s\n' "$file"
    done < <(compgen -f -- "$cur")
}

_virt_vdmabuf_options()
{
    case $1 in
    attach)
        printf '%s\n' --vdmabuf --alias --label --model --buffers --memory --entries --queue \
            --write --max-consumers --address --user --group --config --live --print-xml \
            --print-diff --confirm --connect
        ;;
    detach)
        printf '%s\n' --config --live --timeout --print-xml --print-diff --confirm --connect
        ;;
    list) printf '%s\n' --all --name --json --connect ;;
    show) printf '%s\n' --json --connect ;;
    lower) printf '%s\n' --print-diff ;;
    define) printf '%s\n' --print-xml --print-diff --confirm --connect ;;
    validate) printf '%s\n' --connect ;;
    status) printf '%s\n' --watch --interval --count --json --connect ;;
    replug) printf '%s\n' --timeout --connect ;;
    host-validate) printf '%s\n' --json --connect ;;
    esac
    echo --help
}

_virt_vdmabuf_has_value()
{
    case $1 in
    -c | --connect | --vdmabuf | --alias | --label | --model | --buffers | --memory | --entries | \
        --queue | --write | --max-consumers | --address | --user | --group | -t | --timeout | \
        -i | --interval | --count) ;;
    *) return 1 ;;
    esac
}

_virt_vdmabuf_values()
{
    case $1 in
    -c | --connect) echo qemu:///system ;;
    --model) printf '%s\n' auto vhost-user ;;
    --write) printf '%s\n' yes no ;;
    --user) compgen -u ;;
    --group) compgen -g ;;
    esac
}

_virt_vdmabuf()
{
    local cur prev words cword command= first= arguments=0 i word
    local -a connect=()

    # Words as the program sees them: bash itself takes apart what has a '=' or a ':' in it.
    _get_comp_words_by_ref -n =: cur prev words cword || return
    COMPREPLY=()

    # In front of the cursor: the connection, the command, its first argument
    for ((i = 1; i < cword; i++)); do
        word=${words[i]}
        case $word in
        -c | --connect)
            connect=(--connect "${words[i + 1]}")
            ((i++))
            ;;
        --connect=*) connect=("$word") ;;
        -*=*) ;;
        -*) _virt_vdmabuf_has_value "$word" && ((i++)) ;;
        *)
            if [[ -z $command ]]; then
                command=$word
            else
                [[ $arguments == 0 ]] && first=${word//[\\\'\"]/}
                ((arguments++))
            fi
            ;;
        esac
    done

    if [[ $cur == --*=* ]]; then
        prev=${cur%%=*}
        cur=${cur#*=}
    fi
    if _virt_vdmabuf_has_value "$prev"; then
        _virt_vdmabuf_offer < <(_virt_vdmabuf_values "$prev")
        return
    fi
    if [[ -z $command ]]; then
        _virt_vdmabuf_offer < <(printf '%s\n' attach detach list show lower define validate \
            status replug host-validate --connect --help --version)
        return
    fi
    if [[ $cur == -?* ]]; then
        _virt_vdmabuf_offer < <(_virt_vdmabuf_options "$command")
        return
    fi
    case $command:$arguments in
    attach:0) _virt_vdmabuf_offer < <(_virt_vdmabuf_domains --all) ;;
    list:0 | show:0 | detach:0 | validate:0 | status:0 | replug:0)
        _virt_vdmabuf_offer < <(_virt_vdmabuf_domains)
        ;;
    show:1 | detach:1 | replug:1) _virt_vdmabuf_offer < <(_virt_vdmabuf_devices "$first") ;;
    esac
    case $command:$arguments in
    attach:0 | detach:0 | list:0 | show:0 | lower:0 | define:0 | validate:0) _virt_vdmabuf_offer < <(_virt_vdmabuf_files) ;;
    esac
}

complete -F _virt_vdmabuf virt-vdmabuf
