# Echo server and client of Mojolicious: without arguments the server, which prints its port; `URL AGENT` runs all cases of a
# fuzzing server. Compression is on by default in the server and has to be asked for in the client.
use Mojo::Base -strict, -signatures;
use Mojo::IOLoop;
use Mojo::Server::Daemon;
use Mojo::URL;
use Mojo::UserAgent;
use Mojolicious;

use constant MAX_BYTES => 16 * 1024 * 1024;

# A message is sent back as it came: text as text, binary as binary.
sub echo ($socket) {
  $socket->on(text   => sub ($self, $bytes) { $self->send({text   => $bytes}) });
  $socket->on(binary => sub ($self, $bytes) { $self->send({binary => $bytes}) });
}

sub serve {
  my $app = Mojolicious->new;
  $app->log->level('fatal');
  $app->secrets(['of a test']);
  my $route = sub ($c) {
    $c->tx->max_websocket_size(MAX_BYTES);
    $c->tx->with_compression;
    $c->inactivity_timeout(60);
    echo($c);
  };
  $app->routes->websocket('/' => $route);
  my $daemon = Mojo::Server::Daemon->new(app => $app, listen => ['http://127.0.0.1:0'], silent => 1);
  $daemon->start;
  $| = 1;
  print $daemon->ports->[0], "\n";
  Mojo::IOLoop->start;
}

sub run ($url, $agent) {
  my $ua = Mojo::UserAgent->new(inactivity_timeout => 60, max_response_size => 0);
  my $connect = sub ($path, $on_open) {
    my $is_done;
    $ua->websocket(
      "$url$path" => {'Sec-WebSocket-Extensions' => 'permessage-deflate'} => sub ($ua, $tx) {
        return $is_done = 1 unless $tx->is_websocket;
        $tx->max_websocket_size(MAX_BYTES);
        $on_open->($tx);
        $tx->on(finish => sub { $is_done = 1 });
      }
    );
    Mojo::IOLoop->one_tick until $is_done;
  };
  my $who   = 'agent=' . Mojo::Util::url_escape($agent);
  my $count = 0;
  $connect->('/getCaseCount', sub ($tx) { $tx->on(message => sub ($tx, $text) { $count = $text }) });
  $connect->("/runCase?case=$_&$who", \&echo) for 1 .. $count;
  $connect->("/updateReports?$who", sub { });
}

@ARGV ? run(@ARGV) : serve();
