#!/usr/bin/perl
# Perl: files, hashes, regular expressions, fork, pipes, signals, sockets, directories.
use strict;
use warnings;
use Errno qw(:POSIX);
use Fcntl qw(:DEFAULT :flock :seek);
use File::Find;
use File::Temp qw(tempfile tempdir);
use IO::Select;
use POSIX qw(:sys_wait_h setsid mkfifo);
use Socket;
use Time::HiRes qw(sleep time alarm);

$| = 1;

print "== text\n";
my %count;
$count{$_}++ for split //, "mississippi";
print join(" ", map { "$_=$count{$_}" } sort keys %count), "\n";
(my $text = "2024-05-17") =~ s/(\d+)-(\d+)-(\d+)/$3.$2.$1/;
print "$text\n", join(",", "a1b22c333" =~ /(\d+)/g), "\n";
print join(" ", sort { $a <=> $b } map { $_ * $_ } grep { $_ % 2 } 1 .. 9), "\n";
printf "%s\n", unpack("H*", pack("N n C a4", 1, 2, 3, "abcd"));

print "== files\n";
my $dir = tempdir(DIR => ".", CLEANUP => 1);
open(my $out, ">", "$dir/lines") or die "open: $!";
print $out "line $_\n" for 1 .. 5000;
close $out;
open(my $in, "+<", "$dir/lines") or die;
seek $in, -10, SEEK_END;
print "last: ", scalar(<$in>) || "", scalar(<$in>) || "";
flock $in, LOCK_EX;
truncate $in, 7;
print "size: ", -s "$dir/lines", "\n";
close $in;
mkdir "$dir/sub", 0700;
rename "$dir/lines", "$dir/sub/moved" or die;
symlink "moved", "$dir/sub/link" or die;
my @found;
find(sub { push @found, $_ }, $dir);
print "found: @{[sort grep { !/^\./ && length } @found[1 .. $#found]]}\n";
my @status = stat "$dir/sub/link";
printf "mode %o, links %d\n", $status[2], $status[3];
opendir(my $handle, "$dir/sub");
print "entries: @{[sort readdir $handle]}\n";
closedir $handle;
print "missing: ", (open(my $x, "<", "/nonexistent") ? "no" : $!{ENOENT} ? "ENOENT" : $!), "\n";
utime 1, 2, "$dir/sub/moved";
print "mtime: ", (stat "$dir/sub/moved")[9], "\n";
sysopen(my $exclusive, "$dir/sub/moved", O_CREAT | O_EXCL) or print "exclusive: $!\n";

print "== processes\n";
my @children;
for my $status (1 .. 5) {
    my $pid = fork();
    exit $status if $pid == 0;
    push @children, $pid;
}
print "statuses: ", join(" ", map { waitpid($_, 0); $? >> 8 } @children), "\n";
print "backticks: ", `echo out; exit 3`, "status ", $? >> 8, "\n";
print "system: ", system("kill -TERM \$\$") & 127, "\n";
open(my $to, "|-", "tr a-z A-Z") or die;
print $to "through a pipe\n";
close $to;
open(my $from, "-|", "seq", "3") or die;
print "from: @{[map { chomp; $_ } <$from>]}\n";
close $from;
pipe(my $reader, my $writer);
if (fork() == 0) {
    close $reader;
    syswrite $writer, "from the child";
    exit 0;
}
close $writer;
print <$reader>, "\n";
wait;
mkfifo("fifo", 0600);
if (fork() == 0) {
    open(my $fifo, ">", "fifo");
    print $fifo "through a fifo\n";
    exit 0;
}
open(my $fifo, "<", "fifo");
print <$fifo>;
wait;
print "no child: ", waitpid(-1, WNOHANG), "\n";

print "== signals\n";
my $caught = 0;
$SIG{USR1} = sub { $caught++ };
kill USR1 => $$ for 1 .. 10;
print "caught $caught\n";
my $finished = eval {
    local $SIG{ALRM} = sub { die "alarm\n" };
    alarm 0.2;
    sleep 30;
    1;
};
print "interrupted by: $@" unless $finished;
my $reaped = 0;
{
    local $SIG{CHLD} = sub { $reaped++ while waitpid(-1, WNOHANG) > 0 };
    for (1 .. 10) { exit 0 if fork() == 0 }
    my $end = time + 20;
    sleep 0.05 while $reaped < 10 && time < $end;
}
print "reaped $reaped\n";
my $stopped = fork();
if ($stopped == 0) { kill STOP => $$; exit 6 }
waitpid($stopped, WUNTRACED);
print "stopped: ", WIFSTOPPED(${^CHILD_ERROR_NATIVE}) ? 1 : 0, "\n";
kill CONT => $stopped;
waitpid($stopped, 0);
print "then: ", $? >> 8, "\n";

print "== sockets and select\n";
socketpair(my $left, my $right, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!";
my $select = IO::Select->new($right);
print "ready: ", scalar($select->can_read(0.1)) || 0, "\n";
syswrite $left, "hello\n";
print "ready: ", scalar(my @ready = $select->can_read(5)), "\n";
print scalar <$right>;
socket(my $server, AF_UNIX, SOCK_STREAM, 0);
bind($server, sockaddr_un("perl.sock")) or die "bind: $!";
listen($server, 5);
if (fork() == 0) {
    socket(my $client, AF_UNIX, SOCK_STREAM, 0);
    connect($client, sockaddr_un("perl.sock")) or die "connect: $!";
    syswrite $client, "a client\n";
    exit 0;
}
accept(my $connection, $server) or die;
print "accepted ", scalar <$connection>;
wait;
warn "a warning\n";
exit 0;
