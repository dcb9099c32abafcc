# A Windows service: created or changed in place, started, watched, and put back when it does not stay up.

$script:Dependents = @()

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
    $facts = Get-ItemProperty -LiteralPath (Get-ServiceKey)
    return [pscustomobject]@{
        Delayed = [bool] (Get-Fact $facts 'DelayedAutostart')
        Environment = @(Get-Fact $facts 'Environment')
        DependsOn = @(Get-Fact $facts 'DependOnService')
        Description = [string] (Get-Fact $facts 'Description')
        PathName = $service.PathName
        DisplayName = $service.DisplayName
        StartName = $service.StartName
        StartMode = $service.StartMode
        Running = ($service.State -eq 'Running')
    }
}

function Get-ServiceKey {
    return 'HKLM:\SYSTEM\CurrentControlSet\Services\' + $ServiceName
}

# A value of the service's key; nothing when there is none.
function Get-Fact {
    param([object] $Facts, [string] $Name)
    if ($Facts.PSObject.Properties.Name -contains $Name) {
        return $Facts.$Name
    }
}

function Assert-Service {
    if ((Get-ServiceObject $ServiceName) -and (-not (Test-Owned 'service' $ServiceName))) {
        Stop-Run 24 ('a service ' + $ServiceName + ' exists and was not made by vmpack')
    }
}

function Stop-AppService {
    $script:Dependents = @($script:Dependents) + @(Stop-NamedService $ServiceName)
}

# What depended on the service ran before, and runs again.
function Start-Dependents {
    foreach ($name in @($script:Dependents | Where-Object { $_ } | Select-Object -Unique)) {
        Write-Line ('starting ' + $name + ', which depends on ' + $ServiceName)
        try {
            Start-Service -Name $name
        } catch {
            Write-Line ('warning: ' + $name + ' does not start: ' + $_.Exception.Message)
        }
    }
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
    Set-ServiceFacts @{
        PathName = $commandLine
        DisplayName = $ServiceDisplayName
        StartName = $ServiceAccount
        StartPassword = ''
    }
    Set-Service -Name $ServiceName -Description $ServiceDescription
    # sc.exe clears what Win32_Service.Change leaves: the delay of an automatic start.
    $starts = @{ 'auto' = 'auto'; 'delayed-auto' = 'delayed-auto'; 'manual' = 'demand' }
    Invoke-ServiceControl @('config', $ServiceName, 'start=', $starts[$StartType])
    Set-ServiceLists $ServiceDependencies $ServiceEnvironment
    $steps = 'restart/' + ($RestartSeconds * 1000)
    Invoke-ServiceControl @('failure', $ServiceName, 'reset=', '86400', 'actions=', (@($steps, $steps, $steps) -join '/'))
    Invoke-ServiceControl @('failureflag', $ServiceName, '1')
}

# A slash alone means: depends on nothing.
function Set-ServiceLists {
    param([string[]] $Dependencies, [string[]] $Environment)
    $names = @($Dependencies | Where-Object { $_ }) -join '/'
    if (-not $names) {
        $names = '/'
    }
    Invoke-ServiceControl @('config', $ServiceName, 'depend=', $names)
    $lines = [string[]] @($Environment | Where-Object { $_ })
    if ($lines.Count -gt 0) {
        [void] (New-ItemProperty -LiteralPath (Get-ServiceKey) -Name Environment -PropertyType MultiString -Value $lines -Force)
    } else {
        Remove-ItemProperty -LiteralPath (Get-ServiceKey) -Name Environment -ErrorAction SilentlyContinue
    }
}

# Running, and with the same process for a while: a service that is restarted again and again is not up.
function Start-AppService {
    Write-Line ('starting ' + $ServiceName)
    $service = Get-Service -Name $ServiceName
    try {
        # Start-Service would wait for ever for a service that hangs while it starts.
        $service.Start()
        $service.WaitForStatus('Running', [TimeSpan]::FromSeconds($StartTimeout))
    } catch {
        if (Test-SystemStops $_.Exception) {
            Write-Line ('the system is shutting down; ' + $ServiceName + ' starts with the next boot')
            return
        }
        Stop-Run 33 ($ServiceName + ' does not start: ' + $_.Exception.Message)
    } finally {
        $service.Dispose()
    }
    Start-Dependents
    $first = (Get-ServiceObject $ServiceName).ProcessId
    Start-Sleep -Seconds $StableSeconds
    $now = Get-ServiceObject $ServiceName
    if (($now.State -ne 'Running') -or ($now.ProcessId -ne $first)) {
        Stop-Run 33 ($ServiceName + ' does not stay up')
    }
    $deadline = [DateTime]::UtcNow.AddSeconds($StartTimeout)
    while (-not (Invoke-Checks)) {
        if ([DateTime]::UtcNow -ge $deadline) {
            Stop-Run 32 'a check failed'
        }
        Start-Sleep -Seconds 1
    }
}

# ERROR_SHUTDOWN_IN_PROGRESS, wherever it stands in the chain: nothing is wrong with what was installed.
function Test-SystemStops {
    param([Exception] $Exception)
    while ($Exception) {
        if (($Exception -is [ComponentModel.Win32Exception]) -and ($Exception.NativeErrorCode -eq 1115)) {
            return $true
        }
        $Exception = $Exception.InnerException
    }
    return $false
}

function Restore-Service {
    param([object] $Record)
    if (-not $Record) {
        return
    }
    $facts = @{
        PathName = $Record.PathName
        DisplayName = $Record.DisplayName
    }
    # An account that somebody gave it by hand has a password, which nobody here knows: leave what is as it was.
    if ((Get-ServiceObject $ServiceName).StartName -ne $Record.StartName) {
        $facts['StartName'] = $Record.StartName
        $facts['StartPassword'] = ''
    }
    Set-ServiceFacts $facts
    $starts = @{ 'Auto' = 'auto'; 'Manual' = 'demand'; 'Disabled' = 'disabled' }
    $start = $starts[$Record.StartMode]
    if ($Record.Delayed) {
        $start = 'delayed-auto'
    }
    Invoke-ServiceControl @('config', $ServiceName, 'start=', $start)
    Set-Service -Name $ServiceName -Description $Record.Description
    Set-ServiceLists $Record.DependsOn $Record.Environment
    if ($Record.Running) {
        Start-Service -Name $ServiceName
        Start-Dependents
    }
}
