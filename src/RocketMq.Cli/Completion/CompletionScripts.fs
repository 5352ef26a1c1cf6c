namespace RocketMq.Cli

/// What shells are told so that they ask this program how a line goes on. Each hands over the words before the cursor, and
/// the one that it stands in.
module CompletionScripts =
    let private bash =
        """# rocketmq completion for bash: eval "$(rocketmq completion bash)"
_rocketmq() {
    local words=("${COMP_WORDS[@]:1:COMP_CWORD-1}") current="${COMP_WORDS[COMP_CWORD]}"
    local IFS=$'\n'
    COMPREPLY=($(rocketmq __complete "$current" "${words[@]}" 2>/dev/null))
}
complete -o default -F _rocketmq rocketmq
"""

    let private zsh =
        """#compdef rocketmq
# rocketmq completion for zsh: eval "$(rocketmq completion zsh)"
_rocketmq() {
    local -a found
    found=("${(@f)$(rocketmq __complete "${words[CURRENT]}" "${(@)words[2,CURRENT-1]}" 2>/dev/null)}")
    compadd -Q -a found
}
compdef _rocketmq rocketmq
"""

    let private fish =
        """# rocketmq completion for fish: rocketmq completion fish | source
function __rocketmq_complete
    set -l words (commandline -opc)
    rocketmq __complete (commandline -ct) $words[2..-1] 2>/dev/null
end
complete -c rocketmq -f -a '(__rocketmq_complete)'
"""

    let private pwsh =
        """# rocketmq completion for PowerShell: rocketmq completion pwsh | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName rocketmq -ScriptBlock {
    param($wordToComplete, $commandAst, $cursor)
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 | Where-Object { $_.Extent.EndOffset -lt $cursor } | ForEach-Object { $_.ToString() })
    rocketmq __complete "$wordToComplete" @words 2>$null | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
    }
}
"""

    /// The shells, with what each evaluates.
    let all = [ "bash", bash; "zsh", zsh; "fish", fish; "pwsh", pwsh ]
