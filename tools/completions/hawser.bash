# Completions of the hawser program for bash; they need the package bash-completion.

_hawser() {
  local cur prev words cword split
  _init_completion -s -n : || return

  case $prev in
    --tls-cert | --tls-key | --tls-ca | --tls-client-ca) _filedir; return ;;
    --backend) COMPREPLY=($(compgen -W 'auto epoll kqueue poll' -- "$cur")); return ;;
    --origins) COMPREPLY=($(compgen -W 'same' -- "$cur")); return ;;
    --subprotocol | --max-message-size | --max-queue | --drain | -H | --header | --origin | --ping-interval | --timeout | --close-code) return ;;
  esac
  # The mode of --deflate is optional: as a word of its own it could be taken for the URL.
  if [[ $split == true ]]; then
    [[ $prev != --deflate ]] || COMPREPLY=($(compgen -W 'shared dedicated off' -- "$cur"))
    return
  fi

  local options layers='--tls-cert --tls-key --deflate --verbose -v --help -h'
  case ${words[1]} in
    serve) options="--echo --broadcast --origins --subprotocol --max-message-size --max-queue --drain --backend
      --tls-client-ca --quiet -q $layers" ;;
    connect) options="--echo --binary -b --header -H --origin --subprotocol --ping-interval --timeout --close-code
      --tls-ca --insecure --max-message-size $layers" ;;
    *) COMPREPLY=($(compgen -W 'serve connect --help -h --version' -- "$cur")); return ;;
  esac
  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$cur"))
  else
    COMPREPLY=($(compgen -W 'ws:// wss://' -- "$cur"))
    compopt -o nospace
    __ltrim_colon_completions "$cur"
  fi
} && complete -F _hawser hawser
