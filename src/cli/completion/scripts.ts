/**
 * What makes a shell complete `p2p`: each script hands the words to `p2p __complete`, which prints a line per candidate, the value, a tab and what
 * it is; or `:files`, where the shell knows better.
 */

export const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const;
export type Shell = (typeof SHELLS)[number];

/** Readline takes words apart at `=` and `:` as well, so the line is read anew, and of a candidate only what's behind the last of them is inserted. */
const BASH = `# eval "$(p2p completion bash)", or as a file: /etc/bash_completion.d/p2p
_p2p() {
  local typed=\${COMP_LINE:0:COMP_POINT} current before value text
  local -a words
  read -r -a words <<<"$typed"
  [[ $typed == *[[:space:]] ]] && words+=('')
  current=\${words[\${#words[@]}-1]}
  before=\${current%"\${current##*[=:]}"}
  COMPREPLY=()
  while IFS=$'\\t' read -r value text; do
    if [[ $value == :files ]]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r value; do COMPREPLY+=("$value"); done < <(compgen -f -- "\${current##*=}")
      return
    fi
    value=\${value#"$before"}
    printf -v value %q "$value"
    COMPREPLY+=("$value")
  done < <("\${words[0]}" __complete -- "\${words[@]:1}" 2>/dev/null)
}
complete -F _p2p p2p`;

const ZSH = `#compdef p2p
# eval "$(p2p completion zsh)", or as a file _p2p in a directory of $fpath
_p2p() {
  local line tab=$'\\t'
  local -a found
  for line in "\${(@f)$("\${words[1]}" __complete -- "\${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ $line == :files ]] && { _files; return }
    [[ -n $line ]] && found+=("\${\${line%%$tab*}//:/\\\\:}:\${line#*$tab}")
  done
  (( $#found )) || return 1
  if [[ \${words[CURRENT]} == -* ]]; then _describe -o p2p found; else _describe p2p found; fi
}
if [[ \${funcstack[1]} == _p2p ]]; then _p2p "$@"; else compdef _p2p p2p; fi`;

const FISH = `# p2p completion fish | source, or as a file: ~/.config/fish/completions/p2p.fish
function __p2p_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] __complete -- $words[2..-1] "$current" 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path "$current"
        else
            printf '%s\\n' $line
        end
    end
end
complete -c p2p -f -a '(__p2p_complete)'`;

const POWERSHELL = `# p2p completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName p2p -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 | Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.ToString() })
    p2p __complete -- @words "$wordToComplete" 2>$null | ForEach-Object {
        $value, $text = $_ -split "\`t", 2
        if ($value -ne ':files') {
            $shown = if ($text) { $text } else { $value }
            [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $shown)
        }
    }
}`;

export const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH, powershell: POWERSHELL };
