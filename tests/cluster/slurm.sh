#!/bin/bash
# A real Slurm of one node on loopback, for tests: munge, slurmctld and slurmd below $SLURM_LAB; needs root, no systemd.
#   slurm.sh start | stop | node-stop | node-start
set -euo pipefail
LAB=${SLURM_LAB:?the folder that everything lives in}
CPUS=${SLURM_LAB_CPUS:-4}      # may be more than there are: tests want several jobs at once
GPUS=${SLURM_LAB_GPUS:-2}      # pretended: device files that are no GPUs
NODE=$(hostname -s)
export SLURM_CONF=$LAB/slurm.conf

wait_for() { # SECONDS COMMAND...
  local end=$((SECONDS + $1)); shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || { echo "timed out: $*" >&2; return 1; }
    sleep 0.1
  done
}

end() { # FILE WITH A PROCESS ID
  local pid
  [ -f "$1" ] && pid=$(cat "$1") && kill "$pid" 2>/dev/null || return 0
  wait_for 10 bash -c "! kill -0 $pid" || kill -9 "$pid" 2>/dev/null || true
}

configure() {
  mkdir -p "$LAB"/{state,spool,log,run,munge,gpu}
  chmod 755 "$LAB"
  for i in $(seq 0 $((GPUS - 1))); do [ -e "$LAB/gpu/$i" ] || mknod "$LAB/gpu/$i" c 1 3; done
  echo "NodeName=$NODE Name=gpu File=$LAB/gpu/[0-$((GPUS - 1))]" >"$LAB/gres.conf"
  cat >"$SLURM_CONF" <<CONF
ClusterName=lab
SlurmctldHost=$NODE(127.0.0.1)
SlurmctldPort=26817
SlurmdPort=26818
AuthType=auth/munge
# A requeued job waits until its credential has expired: 120 seconds by default.
AuthInfo=socket=$LAB/munge/socket,cred_expire=5
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$LAB/state
SlurmdSpoolDir=$LAB/spool
SlurmctldPidFile=$LAB/run/slurmctld.pid
SlurmdPidFile=$LAB/run/slurmd.pid
SlurmctldLogFile=$LAB/log/slurmctld.log
SlurmdLogFile=$LAB/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,sched_min_interval=0,batch_sched_delay=0
ReturnToService=2
SlurmdParameters=config_overrides
SlurmctldTimeout=60
SlurmdTimeout=60
KillWait=15
JobRequeue=1
GresTypes=gpu
NodeName=$NODE NodeAddr=127.0.0.1 NodeHostname=$NODE CPUs=$CPUS RealMemory=64000 Gres=gpu:$GPUS State=UNKNOWN
PartitionName=debug Nodes=$NODE Default=YES MaxTime=INFINITE State=UP
CONF
}

start_munge() {
  [ -f "$LAB/munge/key" ] || head -c 128 /dev/urandom >"$LAB/munge/key"
  chown -R munge:munge "$LAB/munge"
  chmod 755 "$LAB/munge"
  chmod 400 "$LAB/munge/key"
  # --force: the parents of its folder may be anybody's
  setpriv --reuid=munge --regid=munge --clear-groups munged --force --key-file="$LAB/munge/key" \
    --socket="$LAB/munge/socket" --pid-file="$LAB/munge/pid" --log-file="$LAB/munge/log" --seed-file="$LAB/munge/seed"
  wait_for 20 munge -n --socket "$LAB/munge/socket"
}

start_node() {
  slurmd -f "$SLURM_CONF" -N "$NODE" || slurmd -f "$SLURM_CONF"
  wait_for 60 bash -c "sinfo -h -o %T | grep -qE '^(idle|mixed|allocated)$'"
}

case ${1:-} in
  start)
    configure
    start_munge
    slurmctld -c -f "$SLURM_CONF" # -c: nothing is remembered
    wait_for 60 scontrol ping
    start_node
    ;;
  stop)
    scancel --user=root 2>/dev/null || true
    for daemon in run/slurmd.pid run/slurmctld.pid munge/pid; do end "$LAB/$daemon"; done
    ;;
  node-stop) end "$LAB/run/slurmd.pid" ;;
  node-start) start_node ;;
  *) echo "usage: SLURM_LAB=FOLDER $0 start|stop|node-stop|node-start" >&2; exit 2 ;;
esac
