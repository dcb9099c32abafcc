# What remove must know of the kinds that need more than a deletion: config files, services, the author's scripts.

function Get-Digest {
    param([string] $Path)
    $stream = [IO.File]::OpenRead($Path)
    try {
        $hash = [Security.Cryptography.SHA256]::Create().ComputeHash($stream)
        return [BitConverter]::ToString($hash).Replace('-', '')
    } finally {
        $stream.Dispose()
    }
}

function Test-Edited {
    param([string] $Path)
    $sum = Join-Path $StateFolder 'config.sha256'
    if ((-not [IO.File]::Exists($Path)) -or (-not [IO.File]::Exists($sum))) {
        return $false
    }
    return [IO.File]::ReadAllLines($sum) -notcontains (Get-Digest $Path)
}

function Remove-Config {
    param([string] $Path)
    if (Test-Edited $Path) {
        Write-Line ('warning: ' + $Path + ' was edited here, it stays')
    } else {
        [IO.File]::Delete($Path)
    }
}

function Remove-AppService {
    param([string] $Name)
    $service = Get-Service -Name $Name -ErrorAction SilentlyContinue
    if (-not $service) {
        return
    }
    $service.Dispose()
    [void] @(Stop-NamedService $Name)
    Write-Line ('deleting the service ' + $Name)
    & sc.exe delete $Name | Out-Null
    # 1060: there is none. 1072: it is marked for deletion already, and goes when the last handle to it is closed.
    if (@(0, 1060, 1072) -notcontains $LASTEXITCODE) {
        throw ('sc.exe delete ended with exit code ' + $LASTEXITCODE)
    }
}

# Stop a service and those that depend on it, and see its process end: until then it holds its files. One that does not
# stop in a minute is ended. Gives the names of the dependent services that ran.
function Stop-NamedService {
    param([string] $Name)
    $service = Get-Service -Name $Name -ErrorAction SilentlyContinue
    if ((-not $service) -or ($service.Status -eq 'Stopped')) {
        return
    }
    Write-Line ('stopping ' + $Name)
    $service.DependentServices | Where-Object { $_.Status -eq 'Running' } | ForEach-Object { $_.Name }
    $number = [int] (Get-CimInstance -ClassName Win32_Service -Filter ("Name = '" + $Name + "'")).ProcessId
    try {
        # Without -NoWait it would wait for ever for a service that hangs.
        Stop-Service -Name $Name -Force -NoWait
        $service.WaitForStatus('Stopped', [TimeSpan]::FromSeconds(60))
    } catch {
        Write-Line ('warning: ' + $Name + ' does not stop: ' + $_.Exception.Message)
    } finally {
        $service.Dispose()
    }
    Wait-ProcessEnd $number
}

# A process that serves other services too is nobody's to end.
function Wait-ProcessEnd {
    param([int] $Number)
    if ($Number -eq 0) {
        return
    }
    $process = Get-Process -Id $Number -ErrorAction SilentlyContinue
    if ((-not $process) -or ($process.ProcessName -eq 'svchost')) {
        return
    }
    if (-not $process.WaitForExit(10000)) {
        Write-Line ('ending the process ' + $Number)
        & taskkill.exe /PID $Number /T /F | Out-Null
        [void] $process.WaitForExit(10000)
    }
    $process.Dispose()
}

# The author's own remove, from the release that is there.
function Invoke-AuthorRemove {
    param([string] $Folder)
    $note = Join-Path $StateFolder 'author-remove.txt'
    if (-not [IO.File]::Exists($note)) {
        return
    }
    $lines = [IO.File]::ReadAllLines($note)
    $file = Join-Path $Folder $lines[0]
    if (-not [IO.File]::Exists($file)) {
        Write-Line ('warning: ' + $file + ' is gone, going on without it')
        return
    }
    $script:AppFolder = $Folder
    Invoke-Author $lines[0] ([int] $lines[1]) 40
}

# Run a script of the author's. 3010 and 1641 are an installer's way of saying: done, but reboot some time.
function Invoke-Author {
    param([string] $Name, [int] $Seconds, [int] $FailureCode)
    Write-Line ('running ' + $Name)
    $code = Invoke-Script (Join-Path $script:AppFolder $Name) $Seconds
    if (($code -eq 3010) -or ($code -eq 1641)) {
        Write-Line ($Name + ' asks for a reboot (exit code ' + $code + '), which counts as success')
        return
    }
    if ($code -ne 0) {
        Stop-Run $FailureCode ($Name + ' ended with exit code ' + $code)
    }
}

# Templates that run a service define these anew.
function Stop-AppService {
}

function Get-ServiceRecord {
    return $null
}

function Restore-Service {
    param([object] $Record)
}
