<?php
// send.php PORT JOBS: sends mails over a socket, as applications without a library do.
[, $port, $jobs] = $argv;
$wire = fsockopen('127.0.0.1', (int) $port, $number, $text, 30) or exit("no server: $text\n");
stream_set_timeout($wire, 30);

function hear($wire, string $code): void
{
    do {
        $line = fgets($wire);
        if ($line === false || strncmp($line, $code, 3) !== 0) {
            fwrite(STDERR, "not $code: $line");
            exit(1);
        }
    } while ($line[3] === '-');
}

function say($wire, string $command, string $code): void
{
    fwrite($wire, "$command\r\n");
    hear($wire, $code);
}

hear($wire, '220');
say($wire, 'HELO php.client.test', '250');
foreach (file($jobs, FILE_IGNORE_NEW_LINES) as $job) {
    [$path, $recipients] = explode("\t", $job);
    say($wire, 'MAIL FROM:<app@client.test>', '250');
    foreach (explode(',', $recipients) as $each) {
        say($wire, "RCPT TO:<$each>", '250');
    }
    say($wire, 'DATA', '354');
    $mail = preg_replace('/^\./m', '..', file_get_contents($path));
    fwrite($wire, str_replace("\n", "\r\n", $mail));
    say($wire, '.', '250');
}
say($wire, 'QUIT', '221');
