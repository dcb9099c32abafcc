# The parameters of the installer "script".

$Destination = '%ProgramFiles%\hello'
$KeepReleases = 1
$AuthorTimeout = 600
$AuthorInstall = 'setup\install.ps1'
$AuthorUpdate = 'update.cmd'
$AuthorRemove = 'remove.ps1'
$AuthorCheck = ''
