"""The commands for Windows: one line of cmd that hands one constant to Windows PowerShell.

Nothing in it means anything to cmd: no percent sign, which cmd expands before it parses, and no double quote but
the two around the PowerShell text. File names and digests go in between single quotes.
"""

_POWERSHELL = "powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass"


def _line(*statements: str) -> str:
    return f'{_POWERSHELL} -Command "{"; ".join(statements)}"'


RUN = _line(
    "$ErrorActionPreference = 'Stop'",
    "$f = Join-Path (Get-Location).ProviderPath '@FILE@'",
    "$d = Join-Path (Get-Location).ProviderPath '@UNPACKED@'",
    "function e($c, $t) { [Console]::Error.WriteLine('vmpack: ' + $t); exit $c }",
    "if ((-not [IO.File]::Exists($f)) -or ((New-Object IO.FileInfo $f).Length -eq 0)) "
    "{ e 10 'the package @FILE@ is missing or empty: its download failed' }",
    "$s = [IO.File]::OpenRead($f)",
    "$h = [BitConverter]::ToString([Security.Cryptography.SHA256]::Create().ComputeHash($s)).Replace('-', '')",
    "$s.Dispose()",
    "if ($h -ne '@SHA256@') "
    "{ e 11 'the package @FILE@ is not the one that was built: another sha256, @SIZE@ bytes expected' }",
    "try { if ([IO.Directory]::Exists($d)) { [IO.Directory]::Delete($d, $true) }",
    "[void] [IO.Directory]::CreateDirectory($d)",
    "Add-Type -AssemblyName System.IO.Compression.FileSystem",
    "$z = [IO.Compression.ZipFile]::OpenRead($f)",
    "foreach ($m in $z.Entries) { if ($m.FullName.StartsWith('lifecycle/') -and $m.Name) "
    "{ [IO.Compression.ZipFileExtensions]::ExtractToFile($m, (Join-Path $d $m.Name)) } }",
    "$z.Dispose() } catch { e 13 ('the package cannot be unpacked here: ' + $_.Exception.Message) }",
    f"& {_POWERSHELL} -File (Join-Path $d '@ACTION@.ps1')",
    "exit $LASTEXITCODE",
)

REMOVE = _line(
    "$s = Join-Path $env:ProgramData 'vmpack\\@NAME@'",
    "$r = Join-Path $s 'lifecycle\\remove.ps1'",
    "if (-not [IO.File]::Exists($r)) { $r = Join-Path $s 'lifecycle.old\\remove.ps1' }",
    f"if ([IO.File]::Exists($r)) {{ & {_POWERSHELL} -File $r; exit $LASTEXITCODE }}",
    "Write-Output 'vmpack: @NAME@ is not installed, nothing to remove'",
    "exit 0",
)
