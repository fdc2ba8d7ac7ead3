%% Commands for administrators, through ejabberdctl and mod_http_api: push_command_list describes
%% them to ejabberd and to people, push_command_values reads arguments and writes rows. Here they
%% are carried out; what clients may do by themselves goes the same way as theirs.
%%
%% A refusal is ejabberd's {error, Kind, Code, Sentence}: ejabberdctl prints the sentence and ends
%% with 1, mod_http_api answers with 404 for what is not there and, as ejabberd has it for all
%% else, 500, and Code and the sentence in the body.
-module(push_commands).

-export([register/0, unregister/0]).
%% What ejabberd calls
-export([devices/2, devices_removed/2, tokens/2, register_device/5, remove_device/3, purge/2,
         purge_app/3, count/1, test/2, test_text/3, import_mod_push/3, import_mod_pushoff/2]).
-export([export_devices/2, export_devices_from/3, import_devices/2, import_devices_to/3,
         empty_store/2]).

-include("logger.hrl").

-type refusal() ::
    {error, not_exists | bad_argument | database_failure | internal_error, Code :: 404 | 400 | 500,
     push_command_values:sentence()}.
-type done() :: {ok, push_command_values:sentence()}.

-define(BY_ADMIN, <<"an administrator removed it">>).
-define(DAY_MS, 24 * 3600 * 1000).

%% Of the node: the first vhost that starts the module calls it, and the last that stops it.
-spec register() -> ok.
register() ->
    ejabberd_commands:register_commands(mod_push_service, push_command_list:commands()).

-spec unregister() -> ok.
unregister() ->
    ejabberd_commands:unregister_commands(push_command_list:commands()).

%%% The commands

-spec devices(term(), term()) -> [tuple()] | refusal().
devices(User, Host) ->
    answer(fun() ->
        {US, Settings} = whom(User, Host),
        [push_command_values:device_row(Device, name(Device), Settings, engine(App, Settings))
         || #{app := App} = Device <- latest_first(owned(US))]
    end).

-spec devices_removed(term(), term()) -> [tuple()] | refusal().
devices_removed(User, Host) ->
    answer(fun() ->
        {US, _} = whom(User, Host),
        case stored(push_removals:list(US)) of
            [] -> ok = existing(US), [];
            Removals -> [push_command_values:removal_row(Removal) || Removal <- Removals]
        end
    end).

-spec tokens(term(), term()) -> [tuple()] | refusal().
tokens(User, Host) ->
    answer(fun() ->
        {US, _} = whom(User, Host),
        [push_command_values:token_row(Device, name(Device))
         || Device <- latest_first(owned(US))]
    end).

-spec register_device(term(), term(), term(), term(), term()) -> done() | refusal().
register_device(User, Host, App, Token, Options) ->
    answer(fun() ->
        {US, #{apps := Apps}} = whom(User, Host),
        ok = existing(US),
        Fields = value(push_command_values:options(Options)),
        Resource = value(push_command_values:resource(Fields)),
        Form = Fields#{<<"app">> => [value(push_command_values:field(App, <<"app">>))],
                       <<"token">> => [value(push_command_values:field(Token, <<"token">>))]},
        case push_form:registration(Form, <<>>, Apps) of
            {ok, Registration} ->
                {U, S} = US,
                Device = push_registration:device(jid:make(U, S, Resource), <<>>, Registration),
                ok = stored(push_devices:register(Device)),
                {ok, <<"Device ", (name(Device))/binary, " is registered">>};
            {error, {item_not_found, Sentence}} ->
                refuse(not_exists, Sentence);
            {error, {_, Sentence}} ->
                refuse(bad_argument, Sentence)
        end
    end).

-spec remove_device(term(), term(), term()) -> done() | refusal().
remove_device(User, Host, Device) ->
    answer(fun() ->
        {{_, LServer} = US, _} = whom(User, Host),
        IsMeant = push_registration:is_meant(LServer, value(push_command_values:wanted(Device))),
        case stored(push_devices:unregister(US, IsMeant, ?BY_ADMIN)) of
            [] -> refuse(not_exists, <<"The user has no such device: push_devices lists those "
                                       "there are">>);
            Gone -> {ok, push_command_values:removed(length(Gone))}
        end
    end).

-spec purge(term(), term()) -> done() | refusal().
purge(User, Host) ->
    answer(fun() ->
        {US, _} = whom(User, Host),
        case stored(push_devices:unregister(US, fun(_) -> true end, ?BY_ADMIN)) of
            [] -> ok = existing(US), {ok, push_command_values:removed(0)};
            Gone -> {ok, push_command_values:removed(length(Gone))}
        end
    end).

%% The app may be one that no vhost names any more.
-spec purge_app(term(), term(), term()) -> done() | refusal().
purge_app(Host, App, Days) ->
    answer(fun() ->
        {LServer, #{apps := Apps}} = where(Host),
        Name = value(push_command_values:field(App, <<"app">>)),
        Least = erlang:system_time(millisecond)
            - value(push_command_values:days(Days)) * ?DAY_MS,
        Counts = stored(push_devices:count(LServer)),
        case is_map_key(Name, Counts) orelse is_map_key(Name, Apps) of
            true ->
                Old = fun(#{registered_at := At}) -> At =< Least end,
                Gone = stored(push_devices:unregister_app(LServer, Name, Old, ?BY_ADMIN)),
                {ok, push_command_values:removed(Gone)};
            false ->
                refuse(not_exists, <<"There is neither such an app on the vhost nor a device of "
                                     "one: push_devices_count lists them">>)
        end
    end).

-spec count(term()) -> [tuple()] | refusal().
count(<<"all">>) ->
    answer(fun() ->
        lists:append([counted(Host, Settings)
                      || {Host, Settings} <- lists:sort(push_settings:hosts())])
    end);
count(Host) ->
    answer(fun() ->
        {LServer, Settings} = where(Host),
        counted(LServer, Settings)
    end).

counted(Host, #{apps := Apps} = Settings) ->
    Counts = stored(push_devices:count(Host)),
    Engines = maps:map(fun(App, _) -> engine(App, Settings) end, Apps),
    push_command_values:count_rows(Host, Counts, Settings, Engines).

-spec test(term(), term()) -> [tuple()] | refusal().
test(User, Host) ->
    test_text(User, Host, push_trial:default_text()).

-spec test_text(term(), term(), term()) -> [tuple()] | refusal().
test_text(User, Host, Text) ->
    answer(fun() ->
        {US, #{apps := Apps}} = whom(User, Host),
        Shown = value(push_command_values:text(Text)),
        case latest_first(owned(US)) of
            [] ->
                refuse(not_exists, <<"The user has no device: the app has not registered one, or "
                                     "it is removed: push_devices_removed says why">>);
            Devices ->
                case push_trial:run(Devices, Apps, Shown) of
                    {ok, Outcomes} ->
                        [push_command_values:outcome_row(Outcome, name(Device))
                         || #{device := Device} = Outcome <- Outcomes];
                    {error, crashed} ->
                        refuse(internal_error, <<"The test crashed: a mistake of ours">>)
                end
        end
    end).

-spec import_mod_push(term(), term(), term()) -> done() | refusal().
import_mod_push(Host, Service, App) ->
    import(Host, App, fun(LServer, Name) ->
        push_import:mod_push(LServer, value(push_command_values:service(Service)), Name)
    end).

-spec import_mod_pushoff(term(), term()) -> done() | refusal().
import_mod_pushoff(Host, App) ->
    import(Host, App, fun push_import:mod_pushoff/2).

import(Host, App, Fun) ->
    answer(fun() ->
        {LServer, #{apps := Apps}} = where(Host),
        Name = value(push_command_values:field(App, <<"app">>)),
        case Fun(LServer, Name) of
            {ok, Counts} ->
                {ok, push_command_values:imported(Counts)};
            {error, no_app} ->
                refuse(not_exists, push_command_values:no_such_app(maps:keys(Apps)));
            {error, not_loaded} ->
                refuse(not_exists, <<"mod_push is not loaded on the vhost">>);
            {error, no_table} ->
                refuse(not_exists, <<"There is no table pushoff_registration in Mnesia">>);
            {error, database_failure} ->
                database_failed()
        end
    end).

-spec export_devices(term(), term()) -> done() | refusal().
export_devices(Host, File) ->
    answer(fun() ->
        {LServer, _} = where(Host),
        exported(LServer, push_devices:backend(LServer), File)
    end).

-spec export_devices_from(term(), term(), term()) -> done() | refusal().
export_devices_from(Host, Store, File) ->
    answer(fun() ->
        {LServer, Backend} = in_store(Host, Store),
        exported(LServer, Backend, File)
    end).

exported(LServer, Backend, File) ->
    Path = value(push_command_values:field(File, <<"file">>)),
    case push_transfer:export(LServer, Backend, Path) of
        {ok, Count} ->
            ?INFO_MSG("An administrator exported ~B devices of ~ts to ~ts",
                      [Count, LServer, Path]),
            {ok, push_command_values:exported(Count)};
        {error, Problem} ->
            not_transferred(Problem)
    end.

-spec import_devices(term(), term()) -> done() | refusal().
import_devices(Host, File) ->
    answer(fun() ->
        {LServer, _} = where(Host),
        imported(LServer, push_devices:backend(LServer), File)
    end).

-spec import_devices_to(term(), term(), term()) -> done() | refusal().
import_devices_to(Host, Store, File) ->
    answer(fun() ->
        {LServer, Backend} = in_store(Host, Store),
        imported(LServer, Backend, File)
    end).

%% In the log too: ejabberdctl may have lost patience.
imported(LServer, Backend, File) ->
    Path = value(push_command_values:field(File, <<"file">>)),
    case push_transfer:import(LServer, Backend, Path) of
        {ok, Report} ->
            {Kind, Sentence} = push_command_values:transferred(Report),
            ?INFO_MSG("An administrator imported devices of ~ts from ~ts: ~ts",
                      [LServer, Path, Sentence]),
            case Kind of
                whole -> {ok, Sentence};
                partial -> refuse(bad_argument, Sentence)
            end;
        {error, Problem, none} ->
            not_transferred(Problem);
        {error, _, {Line, Report}} ->
            {_, Sentence} = push_command_values:transferred(Report#{expected := 0}),
            ?ERROR_MSG("An import of devices of ~ts from ~ts ended after line ~B: ~ts",
                       [LServer, Path, Line, Sentence]),
            refuse(database_failure,
                   <<"The database failed after line ", (integer_to_binary(Line))/binary,
                     ": ejabberd's log says more. Import again when it works: what is done is "
                     "left out. So far: ", Sentence/binary>>)
    end.

-spec empty_store(term(), term()) -> done() | refusal().
empty_store(Host, Store) ->
    answer(fun() ->
        {LServer, Backend} = in_store(Host, Store),
        case push_devices:backend(LServer) of
            Backend ->
                refuse(bad_argument, <<"The vhost's devices are in that store: it is in use">>);
            _ ->
                Gone = stored(push_transfer:empty(LServer, Backend)),
                ?INFO_MSG("An administrator removed ~B devices of ~ts from ~ts",
                          [Gone, LServer, Backend]),
                {ok, push_command_values:removed(Gone)}
        end
    end).

%% Which need not be the one in use, nor ever have been: its tables are made.
in_store(Host, Store) ->
    {LServer, _} = where(Host),
    Backend = value(push_command_values:store(Store)),
    ok = Backend:init(LServer, #{}),
    {LServer, Backend}.

-spec not_transferred(push_transfer:problem()) -> no_return().
not_transferred({file, Sentence}) -> refuse(bad_argument, Sentence);
not_transferred(db_failure) -> database_failed().

%%% What they share

answer(Fun) ->
    try Fun()
    catch
        throw:{refused, Kind, Sentence} -> {error, Kind, code(Kind), Sentence}
    end.

-spec refuse(not_exists | bad_argument | database_failure | internal_error,
             push_command_values:sentence()) -> no_return().
refuse(Kind, Sentence) ->
    throw({refused, Kind, Sentence}).

code(not_exists) -> 404;
code(bad_argument) -> 400;
code(_) -> 500.

value({ok, Value}) -> Value;
value({error, Sentence}) -> refuse(bad_argument, Sentence).

where(Host) ->
    Running = [Name || {Name, _} <- push_settings:hosts()],
    case push_command_values:vhost(Host, Running) of
        {ok, LServer} ->
            case push_settings:get(LServer) of
                {ok, Settings} -> {LServer, Settings};
                none -> refuse(not_exists, <<"mod_push_service is just being stopped there">>)
            end;
        {error, Sentence} ->
            refuse(not_exists, Sentence)
    end.

whom(User, Host) ->
    {LServer, Settings} = where(Host),
    {{value(push_command_values:user(User)), LServer}, Settings}.

%% Of a user without an account: he may have devices all the same, if accounts are kept elsewhere.
owned(US) ->
    case stored(push_devices:list(US)) of
        [] -> ok = existing(US), [];
        Devices -> Devices
    end.

existing({LUser, LServer}) ->
    case ejabberd_auth:user_exists(LUser, LServer) of
        true -> ok;
        false -> refuse(not_exists, <<"There is no such user on the vhost">>)
    end.

stored(ok) -> ok;
stored({ok, Result}) -> Result;
stored({error, db_failure}) -> database_failed().

-spec database_failed() -> no_return().
database_failed() ->
    refuse(database_failure, <<"The database failed: ejabberd's log says more">>).

latest_first(Devices) ->
    lists:sort(fun(#{registered_at := A}, #{registered_at := B}) -> A >= B end, Devices).

name(#{us := {_, LServer}} = Device) ->
    push_devices:node(push_settings:mac_key(LServer), Device).

%% On this node.
engine(App, #{apps := Apps}) when not is_map_key(App, Apps) ->
    not_configured;
engine(App, _Settings) ->
    case push_apps:is_running(App) of
        true ->
            %% It may stop between the two calls.
            try apns_nif:stats(App) of
                #{} = Stats -> push_command_values:engine(Stats);
                _ -> down
            catch
                error:_ -> down
            end;
        false ->
            down
    end.
