<?php
// The hole in PHP: /exec runs `sh -c id`.
$nonce = $_GET['nonce'] ?? '';
usleep((int) (getenv('DELAY_MS') ?: 10) * 1000);
header('Content-Type: text/plain');
$out = '';
if ($_SERVER['DOCUMENT_URI'] === '/exec') {
    $child = proc_open(['sh', '-c', 'id', $nonce], [1 => ['pipe', 'w']], $pipes);
    $out = stream_get_contents($pipes[1]);
    proc_close($child);
}
$body = $nonce . "\n" . $out;
header('Content-Length: ' . strlen($body));
echo $body;
