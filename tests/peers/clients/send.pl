# send.pl PORT JOBS: sends mails with Net::SMTP, all over one connection.
use strict;
use warnings;
use Net::SMTP;

my ($port, $jobs) = @ARGV;
my $server = Net::SMTP->new('127.0.0.1', Port => $port, Timeout => 30) or die "no server: $@";
open my $list, '<', $jobs or die "$jobs: $!";
while (my $job = <$list>) {
    chomp $job;
    my ($path, $recipients) = split /\t/, $job;
    open my $file, '<:raw', $path or die "$path: $!";
    local $/;
    my $mail = <$file>;
    my @bits = $mail =~ /[\x80-\xff]/ ? (Bits => 8) : ();
    $server->mail('app@client.test', @bits) && $server->to(split /,/, $recipients)
        && $server->data && $server->datasend($mail) && $server->dataend
        or die "refused: " . $server->message;
    $/ = "\n";
}
$server->quit;
