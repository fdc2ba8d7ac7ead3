"""Our processes: they crash, start anew, and go on where they were."""

from bed import Bed
from bed.phone import new_token
from bed.simulator import TOPIC
from bed.suite import Suite, expect, run

processes = Suite("processes", Bed)


@processes.case
async def crashes(bed: Bed) -> None:
    """any process of ours may crash, and the one above all: it starts again and pushes go on"""
    bob, alice = await bed.user(), await bed.sender()
    token = await bed.absent(bob)
    for name in ("push_apps", "push_loader", "push_once", "push_service_sup"):
        await bed.node.eval(
            f"""Names = [push_service_sup, push_apps, push_loader, push_once],
            Old = [whereis(N) || N <- Names, N =:= {name} orelse {name} =:= push_service_sup],
            exit(whereis({name}), kill),
            Again = fun A() ->
                case [N || N <- Names, not lists:member(whereis(N), Old), is_tuple(catch sys:get_status(N)),
                           is_pid(whereis(N))] of
                    Names -> ok;
                    _ -> erlang:yield(), A()
                end
            end, Again()""")
        since = await bed.simulator.end()
        alice.send(bob, f"after {name}")
        pushes = await bed.pushes(since, bob)
        expect(f"tokens after {name}, {await bed.node.counters()}", [token], [push.token for push in pushes])
    phone, other = await bed.registered(await bed.user())
    await phone.disable(other)
    expect("apps that run", [TOPIC], await bed.node.eval("push_apps:running()"))


@processes.case
async def killed_above_all(bed: Bed) -> None:
    """the process above all is killed: pushes go on, and the module's stop still stops the app, which it started twice"""
    bob, alice = await bed.user(), await bed.sender()
    token = await bed.absent(bob)
    await bed.node.eval(
        f"""Old = whereis(push_service), exit(Old, kill),
        Again = fun A() ->
            case whereis(push_service) =/= Old andalso is_pid(whereis(push_loader))
                andalso push_apps:is_running(<<"{TOPIC}">>) of
                true -> ok;
                false -> erlang:yield(), A()
            end
        end, Again()""")
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    expect("tokens", [token], [push.token for push in await bed.pushes(since, bob)])
    await bed.node.eval('gen_mod:stop_module(<<"localhost">>, mod_push_service)')
    expect("the app", "unknown_app", await bed.node.eval(
        f'try apns_nif:notify(<<"{TOPIC}">>, <<"x">>, #{{body => <<"x">>}}) of {{error, E}} -> E catch _:E -> E end'))
    await bed.node.eval('gen_mod:start_module(<<"localhost">>, mod_push_service)')


@processes.case
async def stopped_while_down(bed: Bed) -> None:
    """the module is stopped while its processes are down: the app, which ran on, is stopped with it"""
    expect("the app while they are down, and after", ["runs", "unknown_app"], await bed.node.eval(
        f"""App = fun() ->
            try apns_nif:notify(<<"{TOPIC}">>, <<"x">>, #{{body => <<"x">>}}) of
                {{error, unknown_app}} -> unknown_app;
                _ -> runs
            catch _:E -> E end
        end,
        Monitor = monitor(process, push_apps),
        exit(whereis(push_service_sup), kill),
        receive {{'DOWN', Monitor, _, _, _}} -> ok end,
        While = App(),
        gen_mod:stop_module(<<"localhost">>, mod_push_service),
        [While, App()]"""))
    await bed.node.eval('gen_mod:start_module(<<"localhost">>, mod_push_service)')


@processes.case
async def many_sessions(bed: Bed) -> None:
    """sessions that live when the module starts are told their devices, and what the loader has to do meanwhile is done"""
    told_before, told = await bed.node.eval(
        f"""Sids = [{{ejabberd_sm:make_sid(), integer_to_binary(N)}} || N <- lists:seq(1, 1000)],
        [ejabberd_sm:open_session(Sid, <<"many">>, <<"localhost">>, R, []) || {{Sid, R}} <- Sids],
        sys:suspend(push_loader),
        push_loader:learn_sessions(<<"localhost">>),
        Refresh = gen_server:send_request(push_loader, {{refresh, []}}),
        sys:resume(push_loader),
        Told = fun
            T(1000, Before) -> {{Before, 1000}};
            T(N, Before) ->
                receive
                    {{'$gen_cast', {{push_service, learn, []}}}} -> T(N + 1, Before);
                    Msg ->
                        {{reply, ok}} = gen_server:check_response(Msg, Refresh),
                        T(N, N)
                after 30000 -> {{Before, N}}
                end
        end,
        Counts = Told(0, never),
        [ejabberd_sm:close_session(Sid, <<"many">>, <<"localhost">>, R) || {{Sid, R}} <- Sids],
        Counts""")
    expect("told in all", 1000, told)
    # Others' sessions may be among the first hundred.
    expect(f"at most 100 told when the refresh was done, and not {told_before}", True, told_before <= 100)


@processes.case
async def online_over_a_restart(bed: Bed) -> None:
    """a device that is online when the module starts needs no push for what another session of its user lost"""
    bob, alice = await bed.user(), await bed.sender()
    phone, token = await bed.registered(bob)
    pad = await bed.online(bob, "pad")
    other = new_token()
    await pad.enable(other)
    await bed.node.eval('gen_mod:stop_module(<<"localhost">>, mod_push_service)')
    await bed.node.eval('gen_mod:start_module(<<"localhost">>, mod_push_service)')
    await pad.vanish()
    await bed.settle(bob)
    since = await bed.simulator.end()
    alice.send(bob, "hello")
    expect("tokens", [other], [push.token for push in await bed.pushes(since, bob)])
    expect("the phone's message", "hello", await phone.next_message())


if __name__ == "__main__":
    run(processes)
