# Stands for systemd: binds a Unix datagram socket at the path given and prints each datagram as one line, its lines joined by spaces.
use strict;
use warnings;
use IO::Handle;
use Socket;

my ($path) = @ARGV;
socket(my $socket, AF_UNIX, SOCK_DGRAM, 0) or die "socket: $!";
bind($socket, pack_sockaddr_un($path)) or die "bind: $!";
STDOUT->autoflush(1);
print "listening\n";
while (defined recv($socket, my $datagram, 65536, 0)) {
  $datagram =~ s/\n/ /g;
  print "$datagram\n";
}
