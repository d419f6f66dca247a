# A cable that treats packets badly, as the kernels this runs on have no netem: joins two TAP devices and carries frames
# from each to the other. Lines on stdin set how, both ways, from then on:
#   delayMs=25 jitterMs=5 loss=0.02 duplicate=0.1
# Each is answered by a line on stdout once it holds.
# Frames overtake each other where jitter is more than the time between them. The second argument seeds the dice.
use strict;
use warnings;
use Time::HiRes qw(time);

my ($name, $seed) = @ARGV;
srand($seed);
my %quality = (delayMs => 0, jitterMs => 0, loss => 0, duplicate => 0);

sub tap {
    my ($device) = @_;
    sysopen(my $handle, '/dev/net/tun', 2) or die "cannot open /dev/net/tun: $!";
    # TUNSETIFF with IFF_TAP | IFF_NO_PI.
    ioctl($handle, 0x400454ca, pack('a16 S x22', $device, 0x1002)) or die "cannot make $device: $!";
    return $handle;
}

my @ends = (tap("${name}a"), tap("${name}b"));
my @queue;    # [due, end, frame], soonest first
my $watched = '';
vec($watched, fileno($_), 1) = 1 for @ends, \*STDIN;

sub enqueue {
    my ($end, $frame) = @_;
    my $due = time() + ($quality{delayMs} + rand($quality{jitterMs})) / 1000;
    my $place = @queue;
    $place-- while $place > 0 && $queue[ $place - 1 ][0] > $due;
    splice(@queue, $place, 0, [ $due, $end, $frame ]);
}

while (1) {
    my $wait = @queue ? $queue[0][0] - time() : undef;
    $wait = 0 if defined $wait && $wait < 0;
    my $readable = $watched;
    select($readable, undef, undef, $wait);
    for my $end (0, 1) {
        next unless vec($readable, fileno($ends[$end]), 1);
        next unless sysread($ends[$end], my $frame, 65536);
        next if rand() < $quality{loss};
        enqueue(1 - $end, $frame);
        enqueue(1 - $end, $frame) if rand() < $quality{duplicate};
    }
    if (vec($readable, fileno(STDIN), 1)) {
        sysread(STDIN, my $line, 4096) or exit;
        for my $settings (split /\n/, $line) {
            $quality{$1} = $2 while $settings =~ /(\w+)=([\d.]+)/g;
            syswrite(STDOUT, "set\n");
        }
    }
    syswrite($ends[ $queue[0][1] ], (shift @queue)->[2]) while @queue && $queue[0][0] <= time();
}
