# The steps of the installer "script".

function Install-Script {
    Save-Lifecycle
    Assert-Destination
    Open-Change
    Expand-Release
    Switch-Release
    if ($AuthorRemove) {
        $note = Join-Path $StateFolder 'author-remove.txt'
        Save-ForUndo $note
        [IO.File]::WriteAllLines($note, [string[]] @($AuthorRemove, [string] $AuthorTimeout))
        Add-Owned 'script' $Destination
    }
    if ($Action -eq 'update') {
        Invoke-Author $AuthorUpdate $AuthorTimeout 40
    } else {
        Invoke-Author $AuthorInstall $AuthorTimeout 40
    }
    if ($AuthorCheck) {
        Invoke-Author $AuthorCheck $AuthorTimeout 32
    }
    if (-not (Invoke-Checks)) {
        Stop-Run 32 'a check failed'
    }
    Complete-Change
    Remove-OldReleases
    Remove-OldDownloads
}
