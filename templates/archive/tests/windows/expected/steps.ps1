# The steps of the installer "archive".

function Install-Archive {
    Save-Lifecycle
    Assert-Destination
    Open-Change
    Expand-Release
    Switch-Release
    Install-Config '%ProgramData%\hello\hello.json' '' $true
    Install-DataFolder '%ProgramData%\hello\data' $false ''
    if (-not (Invoke-Checks)) {
        Stop-Run 32 'a check failed'
    }
    Complete-Change
    Remove-OldReleases
    Remove-OldDownloads
}
