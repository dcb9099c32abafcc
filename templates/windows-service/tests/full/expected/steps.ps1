# The steps of the installer "windows-service".

function Install-ServiceApp {
    Save-Lifecycle
    Assert-Destination
    Assert-Service
    Open-Change
    Expand-Release
    Stop-AppService
    Switch-Release
    Install-Config '%ProgramData%\hello\hello.json' '' $false
    Install-DataFolder '%ProgramData%\hello\data' $true $ServiceAccount
    Install-AppService
    Start-AppService
    Complete-Change
    Remove-OldReleases
    Remove-OldDownloads
}
