%% Apple push notifications for the users of a vhost: ejabberd's side of the module, its options
%% and its life.
%%
%% What the hooks do is in push_service_hooks, what all vhosts share in push_service. A
%% vhost's start never fails because Apple, the library or a key is out of reach: see push_apps.
-module(mod_push_service).

-behaviour(gen_mod).

-export([start/2, stop/1, reload/3, depends/2, mod_opt_type/1, mod_options/1, mod_doc/0]).
%% What the node has counted
-export([stats/0]).
%% For push_service, when it starts again after a crash
-export([restore_settings/0]).

-include("logger.hrl").
-include("translate.hrl").

-define(NAME, "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$").
-define(TOPIC, "^[A-Za-z0-9._-]{1,255}$").
-define(APPLE_ID, "^[A-Z0-9]{10}$").

%%% gen_mod

-spec start(binary(), gen_mod:opts()) -> ok.
start(Host, Opts) ->
    ok = push_service:start(),
    Backend = gen_mod:db_mod(Opts, push_devices),
    ok = Backend:init(Host, Opts),
    ok = push_removals:init_store(Host, Opts),
    ok = push_devices:load_mac_key(Host, Backend),
    Settings = settings(Opts),
    ok = push_settings:put(Host, Settings),
    %% Engines that run for another vhost may hold what was so before this one stopped.
    ok = push_loader:forget_host(Host, fun() -> ok end),
    ok = set_apps(Host, maps:get(apps, Settings)),
    ok = set_component(Host, Settings),
    ok = push_service_hooks:register(Host),
    ok = push_password:set_host(Host, maps:get(remove_on_password_change, Settings)),
    push_loader:learn_sessions(Host).

-spec stop(binary()) -> ok.
stop(Host) ->
    ok = push_service_hooks:unregister(Host),
    %% While the vhost still leads to its devices.
    ok = push_usage:flush(),
    ok = push_password:set_host(Host, false),
    ok = set_apps(Host, #{}),
    %% While the module is stopped devices may change unseen: what engines know of them is worth
    %% nothing afterwards. Those that have just stopped know nothing any more, so a server that
    %% stops reads nobody's devices for it.
    ok = push_loader:forget_host(Host, fun() -> push_settings:delete(Host) end),
    ok = set_component(Host, #{tigase => none}),
    case gen_mod:is_loaded_elsewhere(Host, ?MODULE) of
        true -> ok;
        false -> push_service:stop()
    end.

-spec reload(binary(), gen_mod:opts(), gen_mod:opts()) -> ok.
reload(Host, NewOpts, OldOpts) ->
    NewBackend = gen_mod:db_mod(NewOpts, push_devices),
    case gen_mod:db_mod(OldOpts, push_devices) of
        NewBackend -> ok;
        _ -> ok = NewBackend:init(Host, NewOpts),
             ok = push_removals:init_store(Host, NewOpts),
             ok = push_devices:load_mac_key(Host, NewBackend)
    end,
    %% Under a stricter or a looser level the engines' copies are grouped in another way.
    Settings = settings(NewOpts),
    ok = push_loader:forget_host(Host, fun() -> push_settings:put(Host, Settings) end),
    ok = set_apps(Host, maps:get(apps, Settings)),
    ok = set_component(Host, Settings),
    ok = push_password:set_host(Host, maps:get(remove_on_password_change, Settings)),
    push_service_hooks:register(Host).

%% A missing one is a warning in ejabberd's log: without mod_adhoc there are no ad-hoc commands,
%% without mod_offline only what mod_mam archives is pushed. <enable/> works all the same.
-spec depends(binary(), gen_mod:opts()) -> [{module(), hard | soft}].
depends(_Host, _Opts) ->
    [{mod_adhoc, soft}, {mod_disco, soft}, {mod_offline, soft}].

%% A process that is late or starts again reads the settings when it is there.
set_apps(Host, Apps) ->
    try push_apps:set_host(Host, Apps)
    catch
        exit:{Reason, _} -> ?ERROR_MSG("Push apps of ~ts are late: ~p", [Host, Reason])
    end.

set_component(Host, Settings) ->
    Wanted = case Settings of
        #{tigase := none} -> none;
        #{service := Service} -> {component, Service}
    end,
    try push_component:set_host(Host, Wanted)
    catch
        exit:{Reason, _} -> ?ERROR_MSG("Push component of ~ts is late: ~p", [Host, Reason])
    end.

%% An app's tigase is ours, the rest is the engine's. For the engine devices are copies: see
%% push_loader.
-spec settings(gen_mod:opts()) -> push_settings:settings().
settings(Opts) ->
    Apps = gen_mod:get_opt(apps, Opts),
    #{service => gen_mod:get_opt(host, Opts),
      content => gen_mod:get_opt(content, Opts),
      remove_on_password_change => gen_mod:get_opt(remove_on_password_change, Opts),
      apps => maps:map(fun(_Name, App) -> (maps:remove(tigase, App))#{registry => cache} end,
                       Apps),
      tigase => hd([Name || {Name, #{tigase := true}} <- maps:to_list(Apps)] ++ [none])}.

-spec restore_settings() -> ok.
restore_settings() ->
    lists:foreach(fun(Host) ->
        Opts = gen_mod:get_module_opts(Host, ?MODULE),
        ok = push_settings:put(Host, settings(Opts))
    end, [Host || Host <- ejabberd_option:hosts(), gen_mod:is_loaded(Host, ?MODULE)]).

%% Counters of this node since its start: push_counters:name() says what each means.
-spec stats() -> #{push_counters:name() => non_neg_integer()}.
stats() ->
    push_counters:all().

%%% Options

-spec mod_opt_type(atom()) -> econf:validator().
mod_opt_type(host) ->
    econf:host();
mod_opt_type(content) ->
    econf:enum([none, sender, body]);
mod_opt_type(apps) ->
    econf:and_then(econf:map(econf:binary(?NAME), app(), [unique, {return, map}]),
                   fun usable/1);
%% With two tokens each, no more than an engine's registry has room for.
mod_opt_type(max_devices) ->
    econf:int(1, 50);
mod_opt_type(remove_on_password_change) ->
    econf:bool();
mod_opt_type(db_type) ->
    econf:db_type(push_devices).

%% apps has no default: without an app the module is of no use.
-spec mod_options(binary()) -> [{atom(), term()} | atom()].
mod_options(Host) ->
    [apps,
     {host, <<"push.", Host/binary>>},
     {content, none},
     {max_devices, 20},
     {remove_on_password_change, false},
     {db_type, ejabberd_config:default_db(Host, push_devices)}].

%% The words of apns_nif:config().
app() ->
    econf:and_then(
        econf:options(
            (numbers())#{
              topic => econf:binary(?TOPIC),
              environment => environment(),
              key_file => econf:file(read),
              key_id => apple_id(),
              team_id => apple_id(),
              certificate_file => econf:file(read),
              password => econf:binary(),
              ca_file => econf:file(read),
              index_authorization => econf:bool(),
              tigase => econf:bool()},
            [unique, {return, map}]),
        fun(App) -> credential(ordered(App)) end).

%% Their limits are the engine's, whose tests compare them.
numbers() ->
    #{registry_limit => econf:int(100, 20000000),
      queue_limit => econf:int(1, 10000000),
      queue_bytes => econf:int(65536, 68719476736),
      queue_timeout => time(100, 2592000000),
      connect_timeout => time(100, 600000),
      response_timeout => time(100, 600000),
      ping_interval => time(100, 86400000),
      ping_timeout => time(100, 600000),
      max_connections => econf:int(1, 100),
      connection_idle_timeout => time(100, 86400000),
      reconnect_min_interval => time(10, 60000),
      reconnect_max_interval => time(10, 3600000),
      probe_min_interval => time(10, 3600000),
      probe_max_interval => time(10, 86400000),
      credentials_check_interval => time(10, 86400000)}.

%% The limits are milliseconds.
time(Min, Max) ->
    econf:and_then(or_say(fun milliseconds/1, "expected a time, such as 10 seconds or 500 ms"),
                   fun(Ms) when Ms >= Min, Ms =< Max ->
                           Ms;
                      (Ms) ->
                           Sentence = io_lib:format("~b ms is out of range: ~b ms to ~b s are "
                                                    "possible", [Ms, Min, Max div 1000]),
                           econf:fail({invalid_syntax, Sentence})
                   end).

%% A number without a unit counts seconds, as for other timeouts of ejabberd; but its own validator
%% of seconds refuses what is shorter than one.
milliseconds(Seconds) when is_integer(Seconds) ->
    Seconds * 1000;
milliseconds(Text) ->
    try binary_to_integer(Text) of
        Seconds -> Seconds * 1000
    catch
        error:badarg -> (econf:timeout(millisecond))(Text)
    end.

usable(Apps) when map_size(Apps) =:= 0 ->
    econf:fail({invalid_syntax, "name at least one app"});
usable(Apps) ->
    case [Name || {Name, #{tigase := true}} <- lists:sort(maps:to_list(Apps))] of
        [_, _ | _] = Several ->
            econf:fail({invalid_syntax,
                ["tigase is for one app, since such clients do not say which they are; here are ",
                 lists:join(", ", Several)]});
        _ ->
            Apps
    end.

environment() ->
    or_say(econf:either(econf:enum([production, sandbox]),
                        econf:and_then(econf:url([https]), fun host_only/1)),
                  "expected production, sandbox, or https://host[:port]").

%% Where a push goes on that host is Apple's affair.
host_only(URL) ->
    case uri_string:parse(URL) of
        #{path := Path} = Parsed when Path =:= <<>>; Path =:= <<"/">> ->
            case maps:keys(maps:with([userinfo, query, fragment], Parsed)) of
                [] -> URL;
                _ -> econf:fail({bad_url, URL})
            end;
        _ ->
            econf:fail({bad_url, URL})
    end.

%% YAML takes an id without letters for a number.
apple_id() ->
    or_say(econf:binary(?APPLE_ID),
                  "expected ten characters of A-Z and 0-9, as developer.apple.com shows; quoted, "
                  "if all are digits").

%% econf's own words for a mismatch are about expressions and host names.
or_say(Validator, Sentence) ->
    econf:either(Validator, fun(_) -> econf:fail({invalid_syntax, Sentence}) end).

%% The second of each pair may not be less than the first.
ordered(App) ->
    lists:foreach(fun({Min, Max, DefaultMin, DefaultMax}) ->
        case {maps:get(Min, App, DefaultMin), maps:get(Max, App, DefaultMax)} of
            {Least, Most} when Least =< Most ->
                ok;
            {Least, Most} ->
                econf:fail({invalid_syntax,
                    io_lib:format("~s (~b ms) is less than ~s (~b ms)", [Max, Most, Min, Least])})
        end
    end, [{reconnect_min_interval, reconnect_max_interval, 500, 60000},
          {probe_min_interval, probe_max_interval, 30000, 600000}]),
    App.

%% A provider token needs three things; a certificate may have its key in the same file.
credential(App) ->
    Missing = [Option || Option <- [key_file, key_id, team_id], not is_map_key(Option, App)],
    case App of
        #{certificate_file := _, key_id := _} -> fail_both();
        #{certificate_file := _, team_id := _} -> fail_both();
        #{certificate_file := _, index_authorization := true} ->
            econf:fail({invalid_syntax,
                "index_authorization is for provider tokens, and beside certificate_file there "
                "is none"});
        #{certificate_file := _} -> App;
        #{password := _} ->
            econf:fail({invalid_syntax,
                "password is for the key of a certificate_file; Apple's .p8 keys have none"});
        _ when Missing =:= [] -> App;
        _ ->
            Names = lists:join(", ", [atom_to_list(Option) || Option <- Missing]),
            econf:fail({invalid_syntax,
                ["an app needs key_file, key_id and team_id, or certificate_file; missing: ",
                 Names]})
    end.

-spec fail_both() -> no_return().
fail_both() ->
    econf:fail({invalid_syntax,
        "certificate_file and key_id or team_id exclude each other: a certificate, or a key"}).

-spec mod_doc() -> #{desc := [binary()], example := [string()],
                      opts := [{atom(), #{value := string() | binary(), desc := binary()}}]}.
mod_doc() ->
    #{desc =>
          [?T("This module tells users' iPhones and iPads about messages that no session of "
              "theirs took, through the Apple Push Notification service (APNs), from inside "
              "ejabberd. It needs an iOS app of your own: pushes go to the apps whose keys you "
              "have."), "",
           ?T("Clients register with XEP-0357's '<enable/>' for the module's 'host', with the "
              "ad-hoc command 'register-push-apns', or with the Business Edition's "
              "'<push/>'. It works with and without _`mod_push`_.")],
      opts =>
          [{apps,
            #{value => ?T("{Name: {Option: Value}}"),
              desc =>
                  ?T("The apps that pushes go to, by a name that is unique in the node; vhosts "
                     "that name the same app share it. Options of an app: 'topic' (the bundle "
                     "id; default: the name), 'environment' ('production', 'sandbox' or a URL; "
                     "default: 'production'), 'key_file', 'key_id' and 'team_id', or "
                     "'certificate_file' (and 'key_file', 'password'), 'ca_file', "
                     "'index_authorization' (send the provider token once for each connection, "
                     "and by its index from then on; default: 'false'); the "
                     "engine's bounds and times, such as 'max_connections' or "
                     "'queue_timeout'; and 'tigase' ('true' for the one app whose clients "
                     "register as with Tigase's push service; default: 'false'). "
                     "This option is required.")}},
           {host,
            #{value => ?T("Host"),
              desc =>
                  ?T("The jid that clients put into '<enable/>'. A component answers under it "
                     "only where an app has the option 'tigase'. "
                     "The default is 'push.@HOST@'.")}},
           {content,
            #{value => "none | sender | body",
              desc =>
                  ?T("What Apple may learn: that something came; the sender too; the text too. A "
                     "device may ask for less. The default is 'none'.")}},
           {max_devices,
            #{value => "1..50",
              desc =>
                  ?T("Devices of one user at most; a phone that registers two tokens with one "
                     "device_id is one. Of more, the longest unused goes. "
                     "The default is '20'.")}},
           {remove_on_password_change,
            #{value => "true | false",
              desc =>
                  ?T("Whether a change of an account's password removes all its devices, so that "
                     "a lost phone shows nothing any more. Before ejabberd 25.07 only changes by "
                     "clients and commands are seen. The default is 'false'.")}},
           {db_type,
            #{value => "mnesia | sql",
              desc =>
                  ?T("Where devices are kept. Same as top-level _`default_db`_ option, but "
                     "applied to this module only. An ejabberd that does not make its tables in "
                     "SQL by itself needs those of 'priv/sql' loaded.")}}],
      example =>
          ["modules:",
           "  mod_push_service:",
           "    apps:",
           "      im.example.chat:",
           "        key_file: /etc/ejabberd/AuthKey_ABC123DEFG.p8",
           "        key_id: ABC123DEFG",
           "        team_id: DEF123GHIJ"]}.
