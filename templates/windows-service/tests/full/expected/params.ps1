# The parameters of the installer "windows-service".

$Destination = 'C:\Program Files\Hello World'
$KeepReleases = 1
$ServiceName = 'HelloWorld'
$ServiceDisplayName = 'Hello ’’World’’'
$ServiceDescription = 'Says hello'
$Executable = 'bin\hello.exe'
$ServiceArguments = '--greeting "it''s \"100%\" ok\\"'
$ServiceAccount = 'LocalSystem'
$ServiceDependencies = @('Tcpip')
$ServiceEnvironment = @(
    'PORT=8080'
)
$StartType = 'delayed-auto'
$RestartSeconds = 5
$StableSeconds = 3
$StartTimeout = 30
