# Releases side by side, and one junction that names the current one; the config file; the service's hooks.

$Destination = Expand-Variables $Destination
$Releases = $Destination + '.releases'
$script:AppFolder = $Destination
$script:Release = ''

# Fail before anything is changed.
function Assert-Destination {
    if ([IO.File]::Exists($Destination)) {
        Stop-Run 24 ($Destination + ' is a file; move it away, or choose another destination')
    }
    if ([IO.Directory]::Exists($Destination) -and (-not (Test-IsLink $Destination))) {
        Stop-Run 24 ($Destination + ' exists and was not made by vmpack; move it away, or choose another destination')
    }
    if ((Test-IsLink $Destination) -and (-not (Test-Owned 'junction' $Destination))) {
        Stop-Run 24 ($Destination + ' is a link that was not made by vmpack')
    }
    if ([IO.Directory]::Exists($Releases) -and (-not (Test-Owned 'tree' $Releases))) {
        Stop-Run 24 ($Releases + ' exists and was not made by vmpack')
    }
    Write-AccessWarning ([IO.Path]::GetDirectoryName($Destination))
    $root = [IO.Path]::GetPathRoot($Destination)
    $free = (New-Object IO.DriveInfo $root).AvailableFreeSpace
    $need = [long] ($PayloadBytes * 1.1) + 4194304
    if ($free -lt $need) {
        Stop-Run 23 ('not enough space on ' + $root + ': ' + $need + ' bytes are needed, ' + $free + ' are free')
    }
}

# The payload into a folder of its own, out of sight until it is complete.
function Expand-Release {
    New-OwnedFolder ([IO.Path]::GetDirectoryName($Destination))
    Add-Owned 'tree' $Releases
    New-GuardedFolder $Releases $ReadableAccess
    $number = 1
    while ([IO.Directory]::Exists((Join-Path $Releases ($AppVersion + '-' + $number)))) {
        $number += 1
    }
    $script:Release = $AppVersion + '-' + $number
    $partial = Join-Path $Releases 'partial'
    Remove-Tree $partial
    Write-Line ('unpacking into ' + (Join-Path $Releases $script:Release))
    try {
        Expand-Payload $partial
        Invoke-Patiently { [IO.Directory]::Move($partial, (Join-Path $Releases $script:Release)) }
    } catch {
        Stop-Run 30 ('the payload could not be unpacked: ' + $_.Exception.Message)
    }
}

function Expand-Payload {
    param([string] $Folder)
    Add-Type -AssemblyName System.IO.Compression
    Add-Type -AssemblyName System.IO.Compression.FileSystem
    [void] [IO.Directory]::CreateDirectory($Folder)
    $prefix = $PayloadFolder + '/'
    $inside = [IO.Path]::GetFullPath($Folder) + '\'
    $final = (Join-Path $Releases $script:Release) + '\'
    $zip = [IO.Compression.ZipFile]::OpenRead($PackagePath)
    try {
        foreach ($entry in $zip.Entries) {
            if (-not $entry.FullName.StartsWith($prefix, [StringComparison]::Ordinal)) {
                continue
            }
            $name = $entry.FullName.Substring($prefix.Length).Replace('/', '\')
            if (-not $name) {
                continue
            }
            $path = [IO.Path]::GetFullPath((Join-Path $Folder $name))
            if (-not $path.StartsWith($inside, [StringComparison]::Ordinal)) {
                throw ('this name leads outside: ' + $entry.FullName)
            }
            # Windows PowerShell 5.1 knows no longer paths: what a rename makes too long could never be deleted again.
            if (($final + $name).Length -ge 260) {
                throw ('this path is longer than Windows allows: ' + $final + $name)
            }
            if ($name.EndsWith('\')) {
                [void] [IO.Directory]::CreateDirectory($path)
            } else {
                [void] [IO.Directory]::CreateDirectory([IO.Path]::GetDirectoryName($path))
                [IO.Compression.ZipFileExtensions]::ExtractToFile($entry, $path, $true)
            }
        }
    } finally {
        $zip.Dispose()
    }
}

# The destination now means the new release.
function Switch-Release {
    Add-Owned 'junction' $Destination
    Set-Junction $Destination (Join-Path $Releases $script:Release)
    Write-Line ($Destination + ' is now ' + $script:Release)
}

# Two renames: a kill between them leaves no destination, which the next run or a roll-back puts right.
function Set-Junction {
    param([string] $Path, [string] $Target)
    foreach ($old in @(($Path + '.new'), ($Path + '.old'))) {
        if (Test-IsLink $old) {
            [IO.Directory]::Delete($old)
        }
    }
    [void] (New-Item -ItemType Junction -Path ($Path + '.new') -Value $Target)
    if (Test-IsLink $Path) {
        Invoke-Patiently { [IO.Directory]::Move($Path, $Path + '.old') }
    }
    Invoke-Patiently { [IO.Directory]::Move($Path + '.new', $Path) }
    if (Test-IsLink ($Path + '.old')) {
        [IO.Directory]::Delete($Path + '.old')
    }
}

function Get-CurrentRelease {
    if (-not (Test-IsLink $Destination)) {
        return ''
    }
    $target = @((Get-Item -LiteralPath $Destination -Force).Target)[0]
    return [IO.Path]::GetFileName([string] $target)
}

# Delete all but the current release and the newest ones before it. What is in use stays for the next time.
function Remove-OldReleases {
    if (-not [IO.Directory]::Exists($Releases)) {
        return
    }
    $current = Get-CurrentRelease
    $others = @(Get-ChildItem -LiteralPath $Releases -Directory -Force | Where-Object { $_.Name -ne $current })
    $others = @($others | Sort-Object -Property CreationTimeUtc -Descending)
    $kept = 0
    foreach ($folder in $others) {
        if (($folder.Name -ne 'partial') -and ($kept -lt $KeepReleases)) {
            $kept += 1
            continue
        }
        try {
            Remove-Tree $folder.FullName
        } catch {
            Write-Line ('warning: ' + $folder.FullName + ' is in use and stays for now')
        }
    }
}

# The config file: what was deployed wins, what somebody edited on the machine is never lost.
function Install-Config {
    param([string] $Path, [string] $Default, [bool] $Required)
    $Path = Expand-Variables $Path
    $source = ''
    if (Test-HasConfig) {
        $source = $ConfigPath
    } elseif ($Default -and (-not [IO.File]::Exists($Path))) {
        $source = Join-Path (Join-Path $Releases $script:Release) $Default
        if (-not [IO.File]::Exists($source)) {
            Stop-Run 26 ('the payload has no default config ' + $Default)
        }
        Write-Line ('no config file was deployed, installing the default ' + $Default)
    }
    $ours = Test-Owned 'config' $Path
    if (-not $source) {
        if ($Required -and (-not [IO.File]::Exists($Path))) {
            Stop-Run 26 ('the config file ' + $ConfigName + ' is missing, and nothing can run without it')
        }
        Write-Line ('no config file was deployed, ' + $Path + ' stays as it is')
        if ($ours) {
            Add-Owned 'config' $Path
        }
        return
    }
    $folder = [IO.Path]::GetDirectoryName($Path)
    New-OwnedFolder $folder
    if (-not (Test-Trusted $folder)) {
        Stop-Run 24 ($folder + ' was made by somebody else, or is a link; no config file is written there')
    }
    if ((Test-Owned 'aside' ($Path + '.before-vmpack')) -or ([IO.File]::Exists($Path) -and (-not $ours))) {
        Add-Owned 'aside' ($Path + '.before-vmpack')
        if (-not [IO.File]::Exists($Path + '.before-vmpack')) {
            Copy-Over $Path ($Path + '.before-vmpack')
        }
    }
    if ($ours -and (Test-Edited $Path)) {
        if ((Get-Digest $Path) -ne (Get-Digest $source)) {
            Copy-Over $Path ($Path + '.saved')
            Write-Line ('warning: ' + $Path + ' was edited here; the edited one is kept as ' + $Path + '.saved')
        }
    }
    Save-ForUndo $Path
    Add-Owned 'config' $Path
    Write-Line ('config: ' + $Path)
    # Both digests count while the file is exchanged: a kill in between must not look like somebody's edit.
    $sum = Join-Path $StateFolder 'config.sha256'
    Save-ForUndo $sum
    [IO.File]::AppendAllText($sum, (Get-Digest $source) + [Environment]::NewLine)
    Copy-Over $source $Path
    [IO.File]::WriteAllText($sum, (Get-Digest $source) + [Environment]::NewLine)
}

function Install-DataFolder {
    param([string] $Path, [bool] $Purge, [string] $Account)
    $Path = Expand-Variables $Path
    New-OwnedFolder ([IO.Path]::GetDirectoryName($Path))
    if ($Purge) {
        Add-Owned 'data' $Path
    }
    if (-not [IO.Directory]::Exists($Path)) {
        New-GuardedFolder $Path $ReadableAccess
    }
    # To read, write and delete, for the account that a service runs as.
    $known = @{ 'NT AUTHORITY\LocalService' = 'S-1-5-19'; 'NT AUTHORITY\NetworkService' = 'S-1-5-20' }
    if ($known.ContainsKey($Account) -and (Test-Trusted $Path)) {
        $who = New-Object Security.Principal.SecurityIdentifier $known[$Account]
        $rule = New-Object Security.AccessControl.FileSystemAccessRule($who, 'Modify', 'ContainerInherit, ObjectInherit', 'None', 'Allow')
        $security = [IO.Directory]::GetAccessControl($Path, 'Access')
        $security.AddAccessRule($rule)
        [IO.Directory]::SetAccessControl($Path, $security)
    }
}
