%% Engines for tests: apps whose Apple is a port that answers nobody.
-module(push_engines).

-export([setup/0, cleanup/1, start/3, stop/1, stats/1]).

-record(engines, {folder :: string(), listener :: gen_tcp:socket()}).

%% Needs no network: the kernel takes connections, and nobody serves them.
setup() ->
    ok = apns_nif:load(),
    ok = push_counters:init(),
    ok = push_settings:init(),
    ok = push_apps:init_table(),
    ok = push_usage:init_tables(),
    {ok, Listener} = gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}, {active, false}]),
    Name = "push-eunit-" ++ integer_to_list(erlang:unique_integer([positive])) ++ os:getpid(),
    Folder = filename:join(os:getenv("TMPDIR", "/tmp"), Name),
    ok = filelib:ensure_dir(filename:join(Folder, "key.p8")),
    Key = public_key:pem_entry_encode('PrivateKeyInfo',
                                      public_key:generate_key({namedCurve, secp256r1})),
    ok = file:write_file(filename:join(Folder, "key.p8"), public_key:pem_encode([Key])),
    #engines{folder = Folder, listener = Listener}.

cleanup(#engines{folder = Folder, listener = Listener}) ->
    lists:foreach(fun stop/1, push_apps:running()),
    true = ets:delete(push_usage),
    true = ets:delete(push_apps),
    true = ets:delete(push_settings),
    ok = gen_tcp:close(Listener),
    ok = file:del_dir_r(Folder).

%% An app that push_apps would have started; its configuration.
start(App, Options, #engines{folder = Folder, listener = Listener}) ->
    {ok, Port} = inet:port(Listener),
    Url = iolist_to_binary(["https://127.0.0.1:", integer_to_list(Port)]),
    Config = Options#{topic => App, environment => Url,
                      key_file => unicode:characters_to_binary(filename:join(Folder, "key.p8")),
                      key_id => <<"ABC123DEFG">>, team_id => <<"DEF123GHIJ">>},
    ok = apns_nif:start_app(App, Config),
    true = ets:insert(push_apps, {App, Config}),
    Config.

stop(App) ->
    true = ets:delete(push_apps, App),
    ok = apns_nif:stop_app(App, 0).

%% none: no such app runs, whatever the table says.
stats(App) ->
    try apns_nif:stats(App) of
        #{} = Stats -> Stats;
        {error, unknown_app} -> none
    catch
        error:badarg -> none
    end.
