# Who may write where. Under %ProgramData% every user may make folders, and below C:\ too: a folder that root's
# counterpart SYSTEM works in must be its own, or somebody's junction leads it to write, or delete, somewhere else.

# Only SYSTEM and the Administrators.
$PrivateAccess = 'O:BAG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)'
# The same, and every user may read and run.
$ReadableAccess = $PrivateAccess + '(A;OICI;0x1200a9;;;BU)'
# SYSTEM, the Administrators, and the installer of Windows itself.
$TrustedOwners = @(
    'S-1-5-18'
    'S-1-5-32-544'
    'S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464'
)

# True for a real folder, or a file, that a trusted account owns.
function Test-Trusted {
    param([string] $Path)
    $info = Get-Item -LiteralPath $Path -Force
    if (($info.Attributes -band [IO.FileAttributes]::ReparsePoint) -ne 0) {
        return $false
    }
    $owner = $info.GetAccessControl('Owner').GetOwner([Security.Principal.SecurityIdentifier])
    return $TrustedOwners -contains $owner.Value
}

# Make a folder with this access, or give it to one that is ours; refuse one that somebody else has made.
function New-GuardedFolder {
    param([string] $Path, [string] $Access)
    $security = Get-Security $Access
    if (-not [IO.Directory]::Exists($Path)) {
        # With its access from the first moment on. Whoever was faster is found out below.
        [void] [IO.Directory]::CreateDirectory($Path, $security)
    }
    if (-not (Test-Trusted $Path)) {
        Stop-Run 24 ($Path + ' was made by somebody else, or is a link; look at it, and move it away')
    }
    Set-Access $Path $Access
}

function Get-Security {
    param([string] $Access)
    $security = New-Object Security.AccessControl.DirectorySecurity
    $security.SetSecurityDescriptorSddlForm($Access)
    return $security
}

# What lies in the folder inherits it.
function Set-Access {
    param([string] $Path, [string] $Access)
    [IO.Directory]::SetAccessControl($Path, (Get-Security $Access))
}

# Say when ordinary users could put their own programs in the place of a folder's.
function Write-AccessWarning {
    param([string] $Path)
    while (-not [IO.Directory]::Exists($Path)) {
        $Path = [IO.Path]::GetDirectoryName($Path)
    }
    $rules = [IO.Directory]::GetAccessControl($Path).GetAccessRules($true, $true, [Security.Principal.SecurityIdentifier])
    # Write data, add a subfolder, delete, delete a child, change the access, take the folder.
    $writing = 0x2 -bor 0x4 -bor 0x10000 -bor 0x40 -bor 0x40000 -bor 0x80000
    foreach ($rule in $rules) {
        $everybody = @('S-1-1-0', 'S-1-5-11', 'S-1-5-32-545', 'S-1-5-4') -contains $rule.IdentityReference.Value
        if ($everybody -and ($rule.AccessControlType -eq 'Allow') -and (([int] $rule.FileSystemRights -band $writing) -ne 0)) {
            Write-Line ('warning: ordinary users can write below ' + $Path + '; a place below %ProgramFiles% is safer')
            return
        }
    }
}

# Try again for some seconds: a virus scanner, or a process that is just ending, holds a file for a moment.
function Invoke-Patiently {
    param([scriptblock] $Step)
    $tries = 0
    while ($true) {
        try {
            & $Step
            return
        } catch {
            $tries += 1
            if ($tries -ge 20) {
                throw
            }
            Start-Sleep -Milliseconds 250
        }
    }
}

# One file over another in one step. Move-Item -Force deletes first, and a kill in between loses both.
function Move-Over {
    param([string] $From, [string] $To)
    Invoke-Patiently {
        if ([IO.File]::Exists($To)) {
            [IO.File]::Replace($From, $To, [NullString]::Value)
        } else {
            [IO.File]::Move($From, $To)
        }
    }
}

# A copy of a file, made under a name that nobody can have prepared, then put in place in one step.
function Copy-Over {
    param([string] $From, [string] $To)
    $fresh = $To + '.vmpack-' + [Guid]::NewGuid().ToString('N')
    [IO.File]::Copy($From, $fresh, $false)
    try {
        [IO.File]::SetAttributes($fresh, [IO.FileAttributes]::Normal)
        Move-Over $fresh $To
    } catch {
        [IO.File]::Delete($fresh)
        throw
    }
}
