# Completions of the hawser program for fish.

set -l serve '__fish_seen_subcommand_from serve'
set -l connect '__fish_seen_subcommand_from connect'
set -l both '__fish_seen_subcommand_from serve connect'
set -l none 'not __fish_seen_subcommand_from serve connect'

complete -c hawser -f
complete -c hawser -n $none -a serve -d 'Run an echo or broadcast server'
complete -c hawser -n $none -a connect -d 'Connect standard input and output to a server'
complete -c hawser -n $none -l version -d 'Print the version'
complete -c hawser -s h -l help -d 'Print a help message'

complete -c hawser -n $both -a 'ws:// wss://'
complete -c hawser -n $both -l tls-cert -r -F -d 'Our certificate and its chain (PEM)'
complete -c hawser -n $both -l tls-key -r -F -d 'Its private key (PEM)'
complete -c hawser -n $both -l deflate -a 'shared dedicated off' -d Compression
complete -c hawser -n $both -s v -l verbose -d 'Tell what was agreed on'
complete -c hawser -n $both -l subprotocol -x -d 'Subprotocols, by preference'
complete -c hawser -n $both -l max-message-size -x -d 'Longest message to take'

complete -c hawser -n $serve -l echo -d 'Send every message back to its sender'
complete -c hawser -n $serve -l broadcast -d 'Send every message to all others'
complete -c hawser -n $serve -l origins -x -a same -d 'Who may connect from browsers'
complete -c hawser -n $serve -l max-queue -x -d 'Unsent bytes of a peer that are too many'
complete -c hawser -n $serve -l drain -x -d 'Time for closing all connections'
complete -c hawser -n $serve -l backend -x -a 'auto epoll kqueue poll' -d 'How to wait for sockets'
complete -c hawser -n $serve -l tls-client-ca -r -F -d 'Clients have to show a certificate of these (PEM)'
complete -c hawser -n $serve -s q -l quiet -d 'Write nothing but the address'

complete -c hawser -n $connect -l echo -d 'Send every message back'
complete -c hawser -n $connect -s b -l binary -d 'Send binary messages, write payloads as they are'
complete -c hawser -n $connect -s H -l header -x -d 'A header field for the request'
complete -c hawser -n $connect -l origin -x -d 'The Origin header field'
complete -c hawser -n $connect -l ping-interval -x -d 'Silence after which a ping is sent'
complete -c hawser -n $connect -l timeout -x -d 'For the opening handshake, and for the close'
complete -c hawser -n $connect -l close-code -x -d 'The code of our Close'
complete -c hawser -n $connect -l tls-ca -r -F -d 'Whom to trust instead of the system (PEM)'
complete -c hawser -n $connect -l insecure -d 'Take any certificate of the server'
