# The parameters of the installer "script".

$Destination = '%ProgramData%\vmpack\payload\hello'
$KeepReleases = 1
$AuthorTimeout = 600
$AuthorInstall = 'setup\install.ps1'
$AuthorUpdate = 'update.cmd'
$AuthorRemove = 'remove.ps1'
$AuthorCheck = ''
