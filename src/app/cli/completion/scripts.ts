/** What each shell must be told once. The words come from `knarr complete`: a word and its description a line, or `:files`. */
export const shells = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof shells)[number]

const bash = `# bash completion for knarr; load it with: source <(knarr completion bash)
_knarr() {
  local line word words
  # COMP_WORDS is split at the colons of image names: the line itself is not.
  read -ra words <<<"\${COMP_LINE:0:COMP_POINT}"
  [[ \${COMP_LINE:0:COMP_POINT} == *[[:space:]] ]] && words+=('')
  word=\${words[\${#words[@]}-1]}
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == :files ]]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$word")
    else
      COMPREPLY+=("\${line%%$'\\t'*}")
    fi
  done < <("\${words[0]}" complete "\${words[@]:1}" 2>/dev/null)
  # What readline takes for the word begins behind the last colon or equals sign.
  local -i index
  local start=\${word%"\${word##*[:=]}"}
  [[ -n $start ]] && for index in "\${!COMPREPLY[@]}"; do COMPREPLY[index]=\${COMPREPLY[index]#"$start"}; done
  return 0
}
complete -F _knarr knarr
`

const zsh = `#compdef knarr
# zsh completion for knarr; load it with: source <(knarr completion zsh)
_knarr() {
  local line
  local -a candidates
  while IFS= read -r line; do
    if [[ $line == :files ]]; then _files; else candidates+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}"); fi
  done < <("\${words[1]}" complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( \${#candidates} )) && _describe 'knarr' candidates
  return 0
}
compdef _knarr knarr
`

const fish = `# fish completion for knarr; load it with: knarr completion fish | source
function __knarr_complete
  set -l words (commandline -opc) (commandline -ct)
  for line in ($words[1] complete $words[2..-1] 2>/dev/null)
    if test "$line" = ":files"
      __fish_complete_path (commandline -ct)
    else
      echo $line
    end
  end
end
complete -c knarr -f -a '(__knarr_complete)'
`

export const completionScript = (shell: Shell): string => ({ bash, zsh, fish })[shell]
