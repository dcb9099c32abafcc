# The steps of the installer "windows-service".

function Install-ServiceApp {
    Save-Lifecycle
    Assert-Destination
    Assert-Service
    Open-Change
    Expand-Release
    Stop-AppService
    Switch-Release
    Install-AppService
    Start-AppService
    Complete-Change
    Remove-OldReleases
    Remove-OldDownloads
}
