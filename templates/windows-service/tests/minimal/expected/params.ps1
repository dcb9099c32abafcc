# The parameters of the installer "windows-service".

$Destination = '%ProgramFiles%\hello'
$KeepReleases = 1
$ServiceName = 'hello'
$ServiceDisplayName = 'hello'
$ServiceDescription = 'Says hello'
$Executable = 'hello.exe'
$ServiceArguments = ''
$ServiceAccount = 'NT AUTHORITY\LocalService'
$ServiceDependencies = @()
$ServiceEnvironment = @(
)
$StartType = 'auto'
$RestartSeconds = 5
$StableSeconds = 3
$StartTimeout = 30
