#Requires -Version 5.1
# remove of hello 1.2.0, written by vmpack.

. (Join-Path $PSScriptRoot 'app.ps1')
. (Join-Path $PSScriptRoot 'core.ps1')
. (Join-Path $PSScriptRoot 'guard.ps1')
. (Join-Path $PSScriptRoot 'kinds.ps1')
. (Join-Path $PSScriptRoot 'change.ps1')

Invoke-Action 'remove' {
    Remove-Everything
    Remove-OldDownloads
}
