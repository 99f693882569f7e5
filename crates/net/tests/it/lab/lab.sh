# Two networks of their own with a bad line between them, and this test program once in each.
# Arguments: the program, the router. Exit status 77: this machine cannot do it.
program=$1 router=$2

cannot() {
  echo "$1"
  exit 77
}

mount -t tmpfs lab /run && mkdir /run/netns || cannot "mounting"
for side in client server; do
  ip netns add $side || cannot "ip netns"
  ip link add ${side}0 netns $side type veth peer name ${side}1 || cannot "a pair of virtual interfaces"
  ip netns exec $side python3 -c "$router" plain ${side}0 || cannot "python3"
  sysctl -q -w net.ipv6.conf.${side}1.disable_ipv6=1 2>/dev/null
  ip link set ${side}1 up
done

address() {
  ip -n $1 link set lo up
  ip -n $1 address add 10.9.0.$2/24 dev ${1}0
  ip -n $1 address add fd09::$2/64 dev ${1}0 nodad
  ip -n $1 link set ${1}0 up
  ip netns exec $1 sh -c 'echo 3 >/proc/sys/net/ipv4/tcp_fastopen'
}
address client 1 && address server 2 || cannot "addresses"
# Nobody has this one: what is sent there is never answered.
ip -n client neighbour add fd09::2 lladdr 02:00:00:00:00:99 dev client0 nud permanent || cannot "neighbours"

python3 -c "$router" client1 server1 &
half() {
  ip netns exec $1 "$program" --exact lab::child_$1 --ignored --nocapture --test-threads=1
}
half server &
half client
