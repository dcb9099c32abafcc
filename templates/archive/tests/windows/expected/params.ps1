# The parameters of the installer "archive".

$Destination = 'C:\Program Files\it''s hello'
$KeepReleases = 1
