# SPDX-License-Identifier: ISC
"""The table of contestants."""
from bench import inetds, raws, relays, tools
from bench.usherd import Usherd, UsherdSplit


def contestants(kit, usherds, as_root):
    """Name to contestant; @usherds are pairs of a name and a path."""
    found = [Usherd(kit, name, path, as_root) for name, path in usherds]
    found += [UsherdSplit(kit, name + "-split", path, as_root) for name, path in usherds]
    # Bounds that stay root are shown, but no bounds for what gives it up.
    users = [("nobody", ""), ("root", "-root")] if as_root else [("root", "")]
    for user, suffix in users:
        found += [raws.RawStart(kit, technique, table, user, suffix)
                  for technique in ("clone", "vfork") for table in ("plain", "parked")]
        found.append(raws.RawFull(kit, user, suffix))
        found.append(raws.RawWait(kit, user, suffix))
    found += [raws.RawEcho(kit, "single"), raws.RawEcho(kit, "many"),
              # One stream likes small pieces, many streams large ones.
              raws.RawRelay(kit, "splice", 64), raws.RawRelay(kit, "splice", 1024),
              raws.RawRelay(kit, "copy", 64), raws.RawRelay(kit, "copy", 256)]
    found += [kind(kit) for kind in (
        inetds.Xinetd, inetds.OpenbsdInetd, inetds.InetutilsInetd, inetds.Rlinetd,
        inetds.BusyboxInetd, tools.BusyboxTcpsvd, tools.S6Tcpserver,
        tools.Tcpserver, tools.Tcpsvd, tools.SocketActivate, tools.Socat,
        relays.Nginx, relays.SocketProxyd)]
    found += [relays.Haproxy(kit, False), relays.Haproxy(kit, True)]
    return {contestant.name: contestant for contestant in found}
