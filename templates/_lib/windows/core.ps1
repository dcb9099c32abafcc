# The ground of every lifecycle script: log, lock, errors, exit codes, checks. Windows PowerShell 5.1.

Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'

$StateRoot = Join-Path $env:ProgramData 'vmpack'
$StateFolder = Join-Path $StateRoot $AppName
$LogFolder = Join-Path $StateRoot 'logs'
$LockFile = Join-Path $StateRoot ($AppName + '.lock')
$PowerShell = Join-Path $PSHOME 'powershell.exe'
$LogFile = Join-Path $LogFolder ($AppName + '.log')
$LogLimit = 1048576
$LockSeconds = 600
$AgentFolder = (Get-Location).ProviderPath
$PackagePath = Join-Path $AgentFolder $PackageFile
$ConfigPath = Join-Path $AgentFolder $ConfigName
$Action = ''
$AppFolder = ''
$PreviousVersion = ''
$script:FailureCode = 1
$script:LogOpen = $false
$script:Lock = $null

# One line to stdout and to the log. A full disk must not stop a script that only wants to speak.
function Write-Line {
    param([string] $Text)
    $stamp = [DateTime]::UtcNow.ToString('yyyy-MM-ddTHH:mm:ssZ', [Globalization.CultureInfo]::InvariantCulture)
    $line = $stamp + ' ' + $Action + '[' + $PID + '] ' + $Text
    [Console]::Out.WriteLine($line)
    if ($script:LogOpen) {
        try {
            [IO.File]::AppendAllText($LogFile, $line + [Environment]::NewLine)
        } catch {
            $script:LogOpen = $false
        }
    }
}

# Say why, and end with this exit code once everything is rolled back.
function Stop-Run {
    param([int] $Code, [string] $Text)
    $script:FailureCode = $Code
    throw $Text
}

function Open-Log {
    New-GuardedFolder $StateRoot $PrivateAccess
    try {
        [void] [IO.Directory]::CreateDirectory($LogFolder)
        if ([IO.File]::Exists($LogFile)) {
            if ((New-Object IO.FileInfo $LogFile).Length -gt $LogLimit) {
                Move-Over $LogFile ($LogFile + '.1')
            }
        }
        $script:LogOpen = $true
    } catch {
        $script:LogOpen = $false
    }
}

# A file in a folder of our own, closed by the system when the process ends. A named mutex could be held by anybody.
function Open-Lock {
    $deadline = [DateTime]::UtcNow.AddSeconds($LockSeconds)
    while (-not $script:Lock) {
        try {
            $script:Lock = [IO.File]::Open($LockFile, 'OpenOrCreate', 'ReadWrite', 'None')
        } catch {
            if ([DateTime]::UtcNow -gt $deadline) {
                Stop-Run 21 ('another run for ' + $AppName + ' is still busy: ' + $_.Exception.Message)
            }
            Start-Sleep -Milliseconds 250
        }
    }
}

# Whoever waits for it may have it open already; then it is theirs to delete.
function Close-Lock {
    if ($script:Lock) {
        $script:Lock.Dispose()
        try {
            [IO.File]::Delete($LockFile)
        } catch {
            $script:Lock = $null
        }
    }
}

# Run the steps of one action: one at a time per application, rolled back when one fails, with an exit code of its own.
function Invoke-Action {
    param([string] $Name, [scriptblock] $Steps)
    $script:Action = $Name
    $code = 0
    try {
        Open-Log
        Open-Lock
        Write-Line ('begins, version ' + $AppVersion + ', in ' + $AgentFolder)
        & $Steps
    } catch {
        $code = $script:FailureCode
        Write-Line ('error: ' + $_.Exception.Message)
        if ($script:FailureCode -eq 1) {
            Write-Line ($_.ScriptStackTrace)
        }
        if (-not (Undo-OpenChange)) {
            $code = 34
        }
    } finally {
        Close-Lock
    }
    if ($code -eq 0) {
        Write-Line 'done'
    } else {
        Write-Line ('ends with exit code ' + $code + ', see ' + $LogFile)
    }
    Remove-Unpacked
    exit $code
}

# Delete a folder and everything in it. A junction inside is deleted itself, never what it leads to.
function Remove-Tree {
    param([string] $Path)
    if (Test-IsLink $Path) {
        [IO.Directory]::Delete($Path)
    } elseif ([IO.Directory]::Exists($Path)) {
        foreach ($file in [IO.Directory]::GetFiles($Path)) {
            Invoke-Patiently {
                [IO.File]::SetAttributes($file, [IO.FileAttributes]::Normal)
                [IO.File]::Delete($file)
            }
        }
        foreach ($folder in [IO.Directory]::GetDirectories($Path)) {
            Remove-Tree $folder
        }
        # A folder that is marked read-only cannot be deleted either.
        Invoke-Patiently {
            [IO.File]::SetAttributes($Path, [IO.FileAttributes]::Directory)
            [IO.Directory]::Delete($Path)
        }
    }
}

function Test-IsLink {
    param([string] $Path)
    if (-not [IO.Directory]::Exists($Path)) {
        return $false
    }
    $attributes = [IO.File]::GetAttributes($Path)
    return ($attributes -band [IO.FileAttributes]::ReparsePoint) -ne 0
}

# The scripts that the command unpacked beside the package are not needed once they have run.
function Remove-Unpacked {
    $folder = Join-Path $AgentFolder 'vmpack-unpacked'
    try {
        Remove-Tree $folder
    } catch {
        Write-Line ('warning: ' + $folder + ' could not be deleted')
    }
}

# The agent keeps every version it ever downloaded. Delete the siblings of this one, but only where the place looks
# like the agent's own: <application>\<version>, all of it numbers.
function Remove-OldDownloads {
    $version = Split-Path -Leaf $AgentFolder
    $parent = Split-Path -Parent $AgentFolder
    if ((-not $parent) -or ((Split-Path -Leaf $parent) -ne $AppName) -or ($version -notmatch '^\d+\.\d+\.\d+$')) {
        return
    }
    foreach ($folder in [IO.Directory]::GetDirectories($parent)) {
        $leaf = Split-Path -Leaf $folder
        if (($leaf -match '^\d+\.\d+\.\d+$') -and ($leaf -ne $version) -and (-not (Test-IsLink $folder))) {
            Write-Line ('deleting the old download ' + $folder)
            try {
                Remove-Tree $folder
            } catch {
                Write-Line ('warning: ' + $folder + ' could not be deleted')
            }
        }
    }
}

function Expand-Variables {
    param([string] $Path)
    $expanded = [Environment]::ExpandEnvironmentVariables($Path)
    if (-not [IO.Path]::IsPathRooted($expanded)) {
        Stop-Run 24 ('this is not an absolute path here: ' + $expanded)
    }
    return $expanded
}

# The author's scripts and checks read these.
function Set-AppVariables {
    $env:VMPACK_APP_NAME = $AppName
    $env:VMPACK_APP_VERSION = $AppVersion
    $env:VMPACK_PREVIOUS_VERSION = $script:PreviousVersion
    $env:VMPACK_PAYLOAD_DIR = $script:AppFolder
    $env:VMPACK_STATE_DIR = $StateFolder
    $env:VMPACK_LOG = $LogFile
    $env:VMPACK_ACTION = $script:Action
    $env:VMPACK_CONFIG = ''
    if (Test-HasConfig) {
        $env:VMPACK_CONFIG = $ConfigPath
    }
}

# The agent leaves an empty file behind when a download fails.
function Test-HasConfig {
    if (-not [IO.File]::Exists($ConfigPath)) {
        return $false
    }
    return (New-Object IO.FileInfo $ConfigPath).Length -gt 0
}

# Run a program with a time limit, in the application's folder. Its output goes to files, not to pipes: a process it
# leaves behind would hold a pipe open.
function Invoke-Program {
    param([string] $Program, [string] $Arguments, [int] $Seconds)
    Set-AppVariables
    # New names each time: a process that was left behind may still hold the old ones.
    $stem = Join-Path $StateFolder ('output-' + [Guid]::NewGuid().ToString('N'))
    $out = $stem + '.out'
    $err = $stem + '.err'
    $options = @{
        FilePath = $Program
        WorkingDirectory = $script:AppFolder
        RedirectStandardOutput = $out
        RedirectStandardError = $err
        NoNewWindow = $true
        PassThru = $true
    }
    if ($Arguments) {
        $options['ArgumentList'] = $Arguments
    }
    $process = Start-Process @options
    # Without a handle of its own, ExitCode is lost when the process ends.
    $handle = $process.Handle
    $ended = $process.WaitForExit($Seconds * 1000)
    if (-not $ended) {
        & taskkill.exe /PID $process.Id /T /F | Out-Null
        Write-Line ('ended after ' + $Seconds + ' seconds')
    }
    foreach ($file in @($out, $err)) {
        if ([IO.File]::Exists($file)) {
            $text = [string] (Get-Content -LiteralPath $file -Raw)
            if ($text) {
                Write-Line $text.TrimEnd()
            }
            try {
                [IO.File]::Delete($file)
            } catch {
                Write-Line 'warning: a process that was left behind still writes its output'
            }
        }
    }
    if (-not $ended) {
        return 124
    }
    $process.WaitForExit()
    [void] $handle
    return $process.ExitCode
}

# The manifest's tests, in order: each a PowerShell command line, handed over as a file.
function Invoke-Checks {
    foreach ($check in $Checks) {
        Write-Line ('check: ' + $check.Name)
        $file = Join-Path $StateFolder 'check.ps1'
        $tail = [Environment]::NewLine + 'if (-not $?) { exit 1 }' + [Environment]::NewLine
        $tail += 'if (Test-Path variable:LASTEXITCODE) { exit $LASTEXITCODE }' + [Environment]::NewLine
        [IO.File]::WriteAllText($file, $check.Run + $tail, (New-Object Text.UTF8Encoding $true))
        $code = Invoke-Script $file $check.Timeout
        if ($code -ne 0) {
            Write-Line ('check failed with exit code ' + $code + ': ' + $check.Name)
            return $false
        }
    }
    return $true
}

# Run a script or a program by its kind; the path must not hold a double quote, which no file name on Windows can.
function Invoke-Script {
    param([string] $Path, [int] $Seconds)
    $quoted = '"' + $Path + '"'
    $extension = [IO.Path]::GetExtension($Path).ToLowerInvariant()
    if ($extension -eq '.ps1') {
        $arguments = '-NoProfile -NonInteractive -ExecutionPolicy Bypass -File ' + $quoted
        return Invoke-Program $PowerShell $arguments $Seconds
    }
    if (($extension -eq '.cmd') -or ($extension -eq '.bat')) {
        return Invoke-Program $env:ComSpec ('/d /s /c "' + $quoted + '"') $Seconds
    }
    return Invoke-Program $Path '' $Seconds
}
