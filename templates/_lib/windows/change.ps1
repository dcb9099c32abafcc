# Changes that can be taken back, and releases side by side behind one junction.
#
# In the state folder lie
#   lifecycle   the scripts of the version that ran last, for remove
#   state.json  what is installed and what is ours: written only when everything has passed its checks
#   undo.json   there while a change is open: what to go back to. Deleting it is the commit.
#   undo        copies of the files that the open change replaced
# A run that was killed leaves undo.json behind. The next one goes on from there, and still knows the last good state.

$StateFile = Join-Path $StateFolder 'state.json'
$UndoFile = Join-Path $StateFolder 'undo.json'
$UndoFolder = Join-Path $StateFolder 'undo'
$script:ChangeIsOpen = $false
$script:Undo = $null
$script:Owned = @()

function Save-Json {
    param([object] $Value, [string] $Path)
    $text = ConvertTo-Json -InputObject $Value -Depth 5
    [IO.File]::WriteAllText($Path + '.new', $text)
    Move-Over ($Path + '.new') $Path
}

function Read-Json {
    param([string] $Path)
    if (-not [IO.File]::Exists($Path)) {
        return $null
    }
    # 5.1 hands a list over as one object; by way of a variable it becomes many.
    $value = ConvertFrom-Json -InputObject ([IO.File]::ReadAllText($Path))
    return $value
}

# Keep these scripts, so that remove needs neither the package nor the download folder.
function Save-Lifecycle {
    New-GuardedFolder $StateFolder $PrivateAccess
    try {
        $kept = Join-Path $StateFolder 'lifecycle'
        $fresh = Join-Path $StateFolder 'lifecycle.new'
        if ($PSScriptRoot -ne $kept) {
            Remove-Tree $fresh
            Copy-Item -LiteralPath $PSScriptRoot -Destination $fresh -Recurse -Force
            # Remove looks in both places: at every moment one of them is whole.
            if ([IO.Directory]::Exists($kept)) {
                Remove-Tree ($kept + '.old')
                Invoke-Patiently { [IO.Directory]::Move($kept, $kept + '.old') }
            }
            Invoke-Patiently { [IO.Directory]::Move($fresh, $kept) }
            Remove-Tree ($kept + '.old')
        }
    } catch {
        Stop-Run 25 ('the lifecycle scripts cannot be kept in ' + $StateFolder + ': ' + $_.Exception.Message)
    }
    $state = Read-Json $StateFile
    if ($state) {
        $script:PreviousVersion = $state.Version
    }
}

# From here on a failure rolls back.
function Open-Change {
    $script:Undo = Read-Json $UndoFile
    $state = Read-Json $StateFile
    if ($script:Undo) {
        Write-Line 'the run before did not finish; its last good state is kept for a roll-back'
        # What it had begun to put in place is ours too, and is removed when this run does not put it there again.
        $touched = @(Read-Json (Join-Path $StateFolder 'touched.json'))
        $script:Undo.Stray = @(Select-Entries (@($script:Undo.Stray) + $touched))
        Save-Json $script:Undo $UndoFile
    } else {
        Remove-Tree $UndoFolder
        [void] [IO.Directory]::CreateDirectory($UndoFolder)
        $script:Undo = [pscustomobject]@{
            Files = @()
            Release = (Get-CurrentRelease)
            Owned = @()
            Stray = @()
            Service = (Get-ServiceRecord)
        }
        if ($state) {
            $script:Undo.Owned = @($state.Owned)
        }
        Save-Json $script:Undo $UndoFile
    }
    $script:Owned = @()
    $script:ChangeIsOpen = $true
}

# Write down that it is ours, before it is made. Kinds: file, config, aside, folder, tree, data, junction, service, script.
function Add-Owned {
    param([string] $Kind, [string] $Path)
    $entry = $Kind + ' ' + $Path
    if ($script:Owned -notcontains $entry) {
        $script:Owned = @($script:Owned) + $entry
        # A killed run is cleaned up by remove, which reads both lists.
        Save-Json $script:Owned (Join-Path $StateFolder 'touched.json')
    }
}

# Each entry once, in the order of the first time.
function Select-Entries {
    param([object[]] $Entries)
    return $Entries | Where-Object { $_ } | Select-Object -Unique
}

function Get-OwnedBefore {
    if ($script:Undo) {
        return Select-Entries (@($script:Undo.Owned) + @($script:Undo.Stray))
    }
    $state = Read-Json $StateFile
    if ($state) {
        return @($state.Owned)
    }
    return @()
}

function Test-Owned {
    param([string] $Kind, [string] $Path)
    $entry = $Kind + ' ' + $Path
    $touched = @(Read-Json (Join-Path $StateFolder 'touched.json'))
    return ((Get-OwnedBefore) -contains $entry) -or ($touched -contains $entry)
}

# Once per change, copy what is there now; a file without a copy did not exist.
function Save-ForUndo {
    param([string] $Path)
    foreach ($saved in @($script:Undo.Files)) {
        if ($saved.Path -eq $Path) {
            return
        }
    }
    $copy = ''
    if ([IO.File]::Exists($Path)) {
        $copy = Join-Path $UndoFolder ([string] @($script:Undo.Files).Count)
        [IO.File]::Copy($Path, $copy, $true)
    }
    $script:Undo.Files = @($script:Undo.Files) + [pscustomobject]@{ Path = $Path; Copy = $copy }
    Save-Json $script:Undo $UndoFile
}

# The new state is the good one. What the older version owned and this one does not is removed.
function Complete-Change {
    $obsolete = @(Get-OwnedBefore) | Where-Object { $script:Owned -notcontains $_ }
    $all = @($script:Owned) + @($obsolete | Where-Object { $_ })
    Save-Json ([pscustomobject]@{ Version = $AppVersion; Owned = $all }) $StateFile
    [IO.File]::Delete($UndoFile)
    $script:ChangeIsOpen = $false
    foreach ($entry in @($obsolete)) {
        if ($entry) {
            Remove-Owned $entry
        }
    }
    Save-Json ([pscustomobject]@{ Version = $AppVersion; Owned = @($script:Owned) }) $StateFile
    [IO.File]::Delete((Join-Path $StateFolder 'touched.json'))
    Remove-Tree $UndoFolder
}

# Go back to the last good state. True when nothing was open, or everything is back.
function Undo-OpenChange {
    if (-not $script:ChangeIsOpen) {
        return $true
    }
    $script:ChangeIsOpen = $false
    Write-Line ('rolling back ' + $script:PreviousVersion)
    try {
        Stop-AppService
        foreach ($saved in @($script:Undo.Files)) {
            if ($saved.Copy) {
                Copy-Over $saved.Copy $saved.Path
            } elseif ([IO.File]::Exists($saved.Path)) {
                [IO.File]::Delete($saved.Path)
            }
        }
        if ($script:Undo.Release) {
            Set-Junction $Destination (Join-Path $Releases $script:Undo.Release)
        }
        Restore-Service $script:Undo.Service
        $entries = @(Select-Entries (@($script:Undo.Stray) + @($script:Owned)))
        [array]::Reverse($entries)
        foreach ($entry in $entries) {
            if (@($script:Undo.Owned) -notcontains $entry) {
                Remove-Owned $entry
            }
        }
        [IO.File]::Delete($UndoFile)
        [IO.File]::Delete((Join-Path $StateFolder 'touched.json'))
        Remove-Tree $UndoFolder
        if ($script:Undo.Release) {
            Remove-OldReleases
        }
        Write-Line 'rolled back'
        return $true
    } catch {
        Write-Line ('error: the roll-back is incomplete: ' + $_.Exception.Message)
        return $false
    }
}

# Remove all that is ours, then the state itself.
function Remove-Everything {
    $script:Undo = Read-Json $UndoFile
    $entries = @(@(Get-OwnedBefore) + @(Read-Json (Join-Path $StateFolder 'touched.json'))) | Where-Object { $_ }
    $entries = @($entries | Select-Object -Unique)
    [array]::Reverse($entries)
    $failed = @()
    foreach ($entry in $entries) {
        try {
            Remove-Owned $entry
        } catch {
            Write-Line ('error: ' + $entry + ': ' + $_.Exception.Message)
            $failed += $entry
        }
    }
    if ($failed.Count -gt 0) {
        Stop-Run 41 ('not everything could be removed; run it again: ' + (Join-Path $StateFolder 'lifecycle\remove.ps1'))
    }
    Remove-Tree $StateFolder
}

# Every script knows every kind, so that an application may change its installer from one version to the next.
function Remove-Owned {
    param([string] $Entry)
    $kind, $path = $Entry.Split([char[]] ' ', 2)
    switch ($kind) {
        'file' {
            [IO.File]::Delete($path)
        }
        'config' {
            Remove-Config $path
        }
        'aside' {
            if ([IO.File]::Exists($path)) {
                Move-Item -LiteralPath $path -Destination ($path.Substring(0, $path.Length - '.before-vmpack'.Length))
            }
        }
        'folder' {
            if ([IO.Directory]::Exists($path)) {
                if (@([IO.Directory]::GetFileSystemEntries($path)).Count -eq 0) {
                    [IO.Directory]::Delete($path)
                }
            }
        }
        'tree' {
            Remove-Tree $path
        }
        'data' {
            # Data goes only with the application, when the manifest says so: never in a roll-back or an update.
            if (($Action -eq 'remove') -and [IO.Directory]::Exists($path)) {
                # Closed first, so that nobody exchanges a folder for a link while it is deleted.
                if (-not (Test-IsLink $path)) {
                    Set-Access $path $PrivateAccess
                }
                Remove-Tree $path
            }
        }
        'junction' {
            if (Test-IsLink $path) {
                [IO.Directory]::Delete($path)
            }
        }
        'service' {
            Remove-AppService $path
        }
        'script' {
            Invoke-AuthorRemove $path
        }
        default {
            Write-Line ('warning: nobody knows how to remove ' + $Entry)
        }
    }
}

# A folder with its parents; those that were missing are ours and are removed when they are empty.
function New-OwnedFolder {
    param([string] $Path)
    if (-not $Path) {
        return
    }
    if ((-not [IO.Directory]::Exists($Path)) -or (Test-Owned 'folder' $Path)) {
        New-OwnedFolder ([IO.Path]::GetDirectoryName($Path))
        Add-Owned 'folder' $Path
        New-GuardedFolder $Path $ReadableAccess
    }
}
