%% @doc The library's life: loaded, loaded again, missing, of another build. Each case has its own
%% VM.
-module(apns_nif_reload_SUITE).

-include_lib("stdlib/include/assert.hrl").

-export([all/0, suite/0, init_per_testcase/2, end_per_testcase/2]).
-export([
    two_hundred_reloads_while_pushes_fly/1,
    loading_over_a_loaded_module_changes_nothing/1,
    a_missing_library_is_one_log_line_and_can_be_put_in_place/1,
    a_library_of_another_build_is_refused/1,
    an_upgraded_library_asks_for_a_restart_of_the_node/1,
    a_file_that_is_no_library_is_told/1,
    the_library_is_found_beside_the_module/1
]).
%% Run in the other VM
-export([reload_while_pushing/2, loaded_twice/0, load_logged/0, upgrade/2, call/0, log/2]).

-define(APP, <<"im.example.chat">>).

suite() ->
    [{timetrap, {seconds, 180}}].

all() ->
    [
        two_hundred_reloads_while_pushes_fly,
        loading_over_a_loaded_module_changes_nothing,
        a_missing_library_is_one_log_line_and_can_be_put_in_place,
        a_library_of_another_build_is_refused,
        an_upgraded_library_asks_for_a_restart_of_the_node,
        a_file_that_is_no_library_is_told,
        the_library_is_found_beside_the_module
    ].

%% A copy of the application, so that each case may do with it as it likes.
init_per_testcase(Case, Config) ->
    Copy = filename:join([proplists:get_value(priv_dir, Config), Case, "apns_nif"]),
    Beam = code:which(apns_nif),
    copy(Beam, filename:join([Copy, "ebin", "apns_nif.beam"])),
    copy(library(code:lib_dir(apns_nif)), library(Copy)),
    [{copy, Copy} | Config].

end_per_testcase(_Case, _Config) ->
    ok.

two_hundred_reloads_while_pushes_fly(Config) ->
    %% Deleted, purged, loaded 200 times amid pushes: the VM lives, each push has one outcome.
    Simulator = apns_simulator:start(),
    AppConfig = (apns_simulator:config(Simulator))#{outcomes => all},
    Vm = start_vm(Config, ["-mode", "embedded"]),
    %% Embedded: the module comes back when this test loads it, not when the pusher misses it.
    [{module, Module} = peer:call(Vm, code, load_file, [Module])
     || Module <- [apns_nif, apns_events, ?MODULE]],
    {Pushes, Outcomes} = peer:call(Vm, ?MODULE, reload_while_pushing, [AppConfig, 200], 120000),
    ct:pal("~b pushes", [length(Pushes)]),
    ?assert(length(Pushes) > 200),
    ?assertEqual(lists:sort(Pushes), lists:sort(Outcomes)),
    ok = peer:stop(Vm).

reload_while_pushing(AppConfig, Times) ->
    ok = apns_nif:start_app(?APP, AppConfig),
    Test = self(),
    Pusher = spawn_link(fun() -> push_until_told(Test, [], []) end),
    ok = apns_nif:set_event_receiver(?APP, Pusher),
    [begin
        %% A push has come back since the last time.
        receive outcome -> ok after 20000 -> error(no_outcome) end,
        true = code:delete(apns_nif),
        _ = code:purge(apns_nif),
        {module, apns_nif} = code:load_file(apns_nif)
    end || _ <- lists:seq(1, Times)],
    Pusher ! stop,
    receive
        {pushed, Pushes, Outcomes} -> {Pushes, Outcomes}
    after 20000 ->
        error(pusher_hangs)
    end.

%% Keeps some pushes in flight, and counts what comes back.
push_until_told(Test, Pushes, Outcomes) when length(Pushes) - length(Outcomes) < 20 ->
    push_until_told(Test, push() ++ Pushes, Outcomes);
push_until_told(Test, Pushes, Outcomes) ->
    receive
        {apns, ?APP, Events} ->
            Test ! outcome,
            push_until_told(Test, Pushes, apns_events:ids(Events) ++ Outcomes);
        stop ->
            Rest = apns_events:outcomes(?APP, length(Pushes) - length(Outcomes)),
            ok = apns_nif:stop_app(?APP, 0),
            Test ! {pushed, Pushes, apns_events:ids(Rest) ++ Outcomes}
    after 20000 ->
        error(nothing_comes_back)
    end.

push() ->
    try
        {ok, Ids} = apns_nif:notify(?APP, {token, <<"00ff">>}, #{alert => <<"Hello">>}),
        Ids
    catch
        %% Between delete and load there is no module, or one whose library is not loaded yet.
        error:undef -> [];
        error:{not_loaded, apns_nif} -> []
    end.

loading_over_a_loaded_module_changes_nothing(Config) ->
    %% l(apns_nif) is refused with one line, and the module that was there goes on.
    Vm = start_vm(Config),
    {Result, Lines, Works} = peer:call(Vm, ?MODULE, loaded_twice, []),
    ?assertEqual({error, on_load_failure}, Result),
    ?assertMatch([<<"apns_nif: the library is in use", _/binary>>], Lines),
    ?assertEqual({error, unknown_app}, Works),
    ok = peer:stop(Vm).

loaded_twice() ->
    ok = apns_nif:load(),
    listen(),
    Result = c:l(apns_nif),
    {Result, lines(), apns_nif:stats(<<"none">>)}.

a_missing_library_is_one_log_line_and_can_be_put_in_place(Config) ->
    %% Without library: one line that names the path, calls raise; with it load/0 makes them work.
    Copy = copy(Config),
    ok = file:rename(library(Copy), library(Copy) ++ ".away"),
    Vm = start_vm(Config),
    {Loaded, [Line]} = peer:call(Vm, ?MODULE, load_logged, []),
    ?assertMatch({error, {missing, _}}, Loaded),
    ?assertNotEqual(nomatch, string:find(Line, library(Copy))),
    ?assertNotEqual(nomatch, string:find(Line, "make install")),
    ?assertEqual({raised, {not_loaded, apns_nif}}, peer:call(Vm, ?MODULE, call, [])),
    ok = file:rename(library(Copy) ++ ".away", library(Copy)),
    ?assertEqual(ok, peer:call(Vm, apns_nif, load, [])),
    ?assertEqual(ok, peer:call(Vm, apns_nif, load, [])),
    ?assertEqual({returned, {error, unknown_app}}, peer:call(Vm, ?MODULE, call, [])),
    ok = peer:stop(Vm).

a_library_of_another_build_is_refused(Config) ->
    %% The file is not the one that the module was compiled with: one line says what to install.
    Copy = copy(Config),
    ok = forge_build_id(library(Copy)),
    Vm = start_vm(Config),
    {Loaded, [Line]} = peer:call(Vm, ?MODULE, load_logged, []),
    ?assertMatch({error, {stale, _}}, Loaded),
    ?assertNotEqual(nomatch, string:find(Line, library(Copy))),
    ?assertEqual({raised, {not_loaded, apns_nif}}, peer:call(Vm, ?MODULE, call, [])),
    ok = peer:stop(Vm).

an_upgraded_library_asks_for_a_restart_of_the_node(Config) ->
    %% The loader keeps the old code of a path for ever: a new module says "restart the node".
    Copy = copy(Config),
    Old = filename:join(filename:dirname(Copy), "old"),
    copy(library(Copy), library(Old)),
    ok = forge_build_id(library(Old)),
    ok = compile_with_build_id(forged(build_id(library(Copy))), Old),
    New = filename:join(filename:dirname(Copy), "new"),
    ok = file:rename(Copy, New),
    ok = file:rename(Old, Copy),
    Vm = start_vm(Config),
    ?assertEqual(ok, peer:call(Vm, apns_nif, load, [])),
    %% What an installation does: new files in the place of the old ones.
    {Loaded, [Line]} = peer:call(Vm, ?MODULE, upgrade, [New, Copy]),
    ?assertMatch({error, {restart_node, _}}, Loaded),
    ?assertNotEqual(nomatch, string:find(Line, "restart the node")),
    ?assertEqual({raised, {not_loaded, apns_nif}}, peer:call(Vm, ?MODULE, call, [])),
    ok = peer:stop(Vm).

upgrade(New, Copy) ->
    [ok = file:rename(filename:join(New, File), filename:join(Copy, File))
     || File <- ["ebin/apns_nif.beam", "priv/apns_nif.so"]],
    true = code:delete(apns_nif),
    _ = code:purge(apns_nif),
    load_logged().

a_file_that_is_no_library_is_told(Config) ->
    %% A library for another machine, or half a file: the system's own words in one line.
    Copy = copy(Config),
    ok = file:write_file(library(Copy), <<"half a file">>),
    Vm = start_vm(Config),
    {Loaded, [Line]} = peer:call(Vm, ?MODULE, load_logged, []),
    ?assertMatch({error, {unusable, _}}, Loaded),
    ?assertNotEqual(nomatch, string:find(Line, library(Copy))),
    ok = peer:stop(Vm).

the_library_is_found_beside_the_module(Config) ->
    %% Where the folder is not called apns_nif, the library is in ../priv of the module.
    Copy = copy(Config),
    Other = filename:join(filename:dirname(Copy), "my_modules"),
    ok = file:rename(Copy, Other),
    Vm = start_vm([{copy, Other}]),
    ?assertEqual({error, bad_name}, peer:call(Vm, code, priv_dir, [apns_nif])),
    ?assertEqual({returned, {error, unknown_app}}, peer:call(Vm, ?MODULE, call, [])),
    ok = peer:stop(Vm).

%%% In the other VM

%% Loads the module and tells what was logged meanwhile.
load_logged() ->
    listen(),
    {module, apns_nif} = code:load_file(apns_nif),
    {apns_nif:load(), lines()}.

call() ->
    try apns_nif:stats(<<"none">>) of
        Result -> {returned, Result}
    catch
        error:Reason -> {raised, Reason}
    end.

listen() ->
    ok = logger:add_handler(?MODULE, ?MODULE, #{level => error, config => self()}).

%% Logging is synchronous: what was logged is there.
lines() ->
    ok = logger:remove_handler(?MODULE),
    receive
        {line, Line} -> [Line | lines_left()]
    after 0 ->
        []
    end.

lines_left() ->
    receive
        {line, Line} -> [Line | lines_left()]
    after 0 ->
        []
    end.

log(#{msg := {Format, Arguments}, meta := #{mfa := {apns_nif, _, _}}}, #{config := Listener}) ->
    Listener ! {line, unicode:characters_to_binary(io_lib:format(Format, Arguments))};
log(_Event, _Config) ->
    ok.

%%% What the cases share

start_vm(Config) ->
    start_vm(Config, []).

start_vm(Config, Arguments) ->
    Ebin = filename:join(copy(Config), "ebin"),
    Paths = [Ebin, filename:dirname(code:which(?MODULE))],
    {ok, Vm, _Node} = peer:start_link(#{
        connection => standard_io,
        args => Arguments ++ lists:append([["-pa", Path] || Path <- lists:reverse(Paths)]),
        env => [{"ERL_LIBS", ""}]
    }),
    Vm.

copy(Config) ->
    proplists:get_value(copy, Config).

library(Application) ->
    filename:join([Application, "priv", "apns_nif.so"]).

copy(From, To) ->
    ok = filelib:ensure_dir(To),
    {ok, _} = file:copy(From, To),
    ok.

build_id(Library) ->
    {ok, Bytes} = file:read_file(Library),
    {match, [Id]} =
        re:run(Bytes, "apns_nif_build_id:([^:;]+);", [{capture, all_but_first, binary}]),
    Id.

%% Makes a library of "another build".
forge_build_id(Library) ->
    Id = build_id(Library),
    {ok, Bytes} = file:read_file(Library),
    file:write_file(Library, binary:replace(Bytes, Id, forged(Id), [global])).

forged(Id) ->
    binary:replace(Id, <<"-">>, <<"+">>).

%% Makes the module of "another build".
compile_with_build_id(Id, Application) ->
    Header = filename:join([Application, "src", "apns_nif_build_id.hrl"]),
    Source = filename:join(filename:dirname(Header), "apns_nif.erl"),
    ok = filelib:ensure_dir(Header),
    ok = filelib:ensure_dir(filename:join([Application, "ebin", "any"])),
    ok = file:write_file(Header, ["-define(BUILD_ID, <<\"", Id, "\">>).\n"]),
    copy(filename:join([code:lib_dir(apns_nif), "src", "apns_nif.erl"]), Source),
    {ok, apns_nif} = compile:file(Source, [{outdir, filename:join(Application, "ebin")}]),
    ok.
