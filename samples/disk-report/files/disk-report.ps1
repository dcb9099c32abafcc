#requires -Version 5.1
<#
.SYNOPSIS
Tells how full each disk is, and fails when one is fuller than allowed.
.PARAMETER Limit
The percentage in use from which a disk counts as full.
#>
param([int] $Limit = 90)

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

$full = 0
foreach ($disk in Get-CimInstance -ClassName Win32_LogicalDisk -Filter 'DriveType=3') {
    $used = [math]::Round(100 * ($disk.Size - $disk.FreeSpace) / $disk.Size, 1)
    Write-Output ('{0} {1,5} % of {2,8:N1} GB' -f $disk.DeviceID, $used, ($disk.Size / 1gb))
    if ($used -ge $Limit) {
        $full += 1
    }
}
exit $full
