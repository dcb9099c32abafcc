# A Windows service: created or changed in place, started, watched, and put back when it does not stay up.

function Get-ServiceObject {
    param([string] $Name)
    # The name holds letters, digits, dot, underscore and hyphen only: nothing that a query could misread.
    return Get-CimInstance -ClassName Win32_Service -Filter ('Name = ''' + $Name + '''')
}

# What the service was before this run; nothing when there was none.
function Get-ServiceRecord {
    $service = Get-ServiceObject $ServiceName
    if (-not $service) {
        return $null
    }
    return [pscustomobject]@{
        PathName = $service.PathName
        DisplayName = $service.DisplayName
        StartName = $service.StartName
        StartMode = $service.StartMode
        Running = ($service.State -eq 'Running')
    }
}

function Assert-Service {
    if ((Get-ServiceObject $ServiceName) -and (-not (Test-Owned 'service' $ServiceName))) {
        Stop-Run 24 ('a service ' + $ServiceName + ' exists and was not made by vmpack')
    }
}

function Stop-AppService {
    $service = Get-Service -Name $ServiceName -ErrorAction SilentlyContinue
    if (-not $service) {
        return
    }
    if ($service.Status -ne 'Stopped') {
        Write-Line ('stopping ' + $ServiceName)
        Stop-Service -Name $ServiceName -Force
        $service.WaitForStatus('Stopped', [TimeSpan]::FromSeconds(60))
    }
    $service.Dispose()
}

# sc.exe takes plain words only here; whatever may hold quotes goes through CIM, which needs no quoting.
function Invoke-ServiceControl {
    param([string[]] $Words)
    & sc.exe $Words | Out-Null
    if ($LASTEXITCODE -ne 0) {
        Stop-Run 31 ('sc.exe ' + $Words[0] + ' ended with exit code ' + $LASTEXITCODE)
    }
}

function Set-ServiceFacts {
    param([hashtable] $Facts)
    $service = Get-ServiceObject $ServiceName
    $result = Invoke-CimMethod -InputObject $service -MethodName Change -Arguments $Facts
    if ($result.ReturnValue -ne 0) {
        Stop-Run 31 ('the service cannot be changed: Win32_Service.Change returned ' + $result.ReturnValue)
    }
}

function Install-AppService {
    $program = Join-Path $Destination $Executable
    $commandLine = '"' + $program + '"'
    if ($ServiceArguments) {
        $commandLine += ' ' + $ServiceArguments
    }
    Add-Owned 'service' $ServiceName
    if (-not (Get-ServiceObject $ServiceName)) {
        Write-Line ('creating the service ' + $ServiceName)
        [void] (New-Service -Name $ServiceName -BinaryPathName $commandLine -StartupType Manual)
    }
    $mode = 'Automatic'
    if ($StartType -eq 'manual') {
        $mode = 'Manual'
    }
    Set-ServiceFacts @{
        PathName = $commandLine
        DisplayName = $ServiceDisplayName
        StartName = $ServiceAccount
        StartPassword = ''
        StartMode = $mode
    }
    Set-Service -Name $ServiceName -Description $ServiceDescription
    if ($StartType -eq 'delayed-auto') {
        Invoke-ServiceControl @('config', $ServiceName, 'start=', 'delayed-auto')
    }
    if ($ServiceDependencies.Count -gt 0) {
        Invoke-ServiceControl @('config', $ServiceName, 'depend=', ($ServiceDependencies -join '/'))
    }
    $steps = 'restart/' + ($RestartSeconds * 1000)
    Invoke-ServiceControl @('failure', $ServiceName, 'reset=', '86400', 'actions=', (@($steps, $steps, $steps) -join '/'))
    Invoke-ServiceControl @('failureflag', $ServiceName, '1')
    $key = 'HKLM:\SYSTEM\CurrentControlSet\Services\' + $ServiceName
    if ($ServiceEnvironment.Count -gt 0) {
        [void] (New-ItemProperty -LiteralPath $key -Name Environment -PropertyType MultiString -Value $ServiceEnvironment -Force)
    } else {
        Remove-ItemProperty -LiteralPath $key -Name Environment -ErrorAction SilentlyContinue
    }
}

# Running, and with the same process for a while: a service that is restarted again and again is not up.
function Start-AppService {
    Write-Line ('starting ' + $ServiceName)
    try {
        Start-Service -Name $ServiceName
        $service = Get-Service -Name $ServiceName
        $service.WaitForStatus('Running', [TimeSpan]::FromSeconds($StartTimeout))
        $service.Dispose()
    } catch {
        Stop-Run 33 ($ServiceName + ' does not start: ' + $_.Exception.Message)
    }
    $first = (Get-ServiceObject $ServiceName).ProcessId
    Start-Sleep -Seconds $StableSeconds
    $now = Get-ServiceObject $ServiceName
    if (($now.State -ne 'Running') -or ($now.ProcessId -ne $first)) {
        Stop-Run 33 ($ServiceName + ' does not stay up')
    }
    $tries = 0
    while (-not (Invoke-Checks)) {
        $tries += 1
        if ($tries -ge $StartTimeout) {
            Stop-Run 32 'a check failed'
        }
        Start-Sleep -Seconds 1
    }
}

function Restore-Service {
    param([object] $Record)
    if (-not $Record) {
        return
    }
    $mode = $Record.StartMode
    if ($mode -eq 'Auto') {
        $mode = 'Automatic'
    }
    Set-ServiceFacts @{
        PathName = $Record.PathName
        DisplayName = $Record.DisplayName
        StartPassword = ''
        StartName = $Record.StartName
        StartMode = $mode
    }
    if ($Record.Running) {
        Start-Service -Name $ServiceName
    }
}
