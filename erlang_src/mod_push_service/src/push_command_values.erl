%% What administrators write and read: arguments of commands into values or a sentence, devices
%% and outcomes into rows. Pure. Sentences say what is wrong and what is possible, and never repeat
%% an argument: it may be anything, and it goes to a terminal.
-module(push_command_values).

-export([user/1, vhost/2, options/1, resource/1, wanted/1, days/1, text/1, service/1,
         field/2, store/1]).
-export([device_row/4, removal_row/1, token_row/2, count_rows/4, outcome_row/2]).
-export([engine/1, removed/1, imported/1, exported/1, transferred/1, no_such_app/1]).

-export_type([sentence/0, engine/0]).

-type sentence() :: binary().
-type parsed(T) :: {ok, T} | {error, sentence()}.
%% What this node's engine of an app is at. unconnected: it is trying; not_configured: the vhost
%% does not name the app.
-type engine() :: connected | unconnected | paused | down | not_configured.

%% Bytes of an argument that holds several values.
-define(MAX_OPTIONS, 1024).
%% Bytes of what names a device: a whole token in hex is the longest.
-define(MAX_DEVICE, 200).
%% Bytes of a test push's text; with the rest far below what Apple takes.
-define(MAX_TEXT, 1000).
%% Some ten years, in days.
-define(MAX_DAYS, 3650).
%% Names of vhosts or apps in a sentence.
-define(MAX_NAMED, 10).

-define(OPTIONS, [<<"kind">>, <<"device_id">>, <<"device_name">>, <<"content">>, <<"language">>,
                  <<"environment">>, <<"resource">>, <<"remove_on_logout">>]).

%%% Arguments

-spec user(term()) -> parsed(LUser :: binary()).
user(User) ->
    case prepared(User, fun jid:nodeprep/1) of
        {ok, LUser} -> {ok, LUser};
        error -> {error, <<"The user is no name of an account: give the part before the @">>}
    end.

%% One of the vhosts that have the module.
-spec vhost(term(), Running :: [binary()]) -> parsed(LServer :: binary()).
vhost(Host, Running) ->
    Answer = prepared(Host, fun jid:nameprep/1),
    case {Answer, Running} of
        {_, []} ->
            {error, <<"mod_push_service runs on no vhost of this node">>};
        {{ok, LServer}, _} ->
            case lists:member(LServer, Running) of
                true -> {ok, LServer};
                false -> {error, <<"mod_push_service does not run on such a vhost; it runs on ",
                                   (named(Running))/binary>>}
            end;
        {error, _} ->
            {error, <<"The host is no name of a vhost; mod_push_service runs on ",
                      (named(Running))/binary>>}
    end.

named(Names) ->
    Sorted = lists:sort(Names),
    More = case length(Sorted) - ?MAX_NAMED of
        N when N > 0 -> [" and ", integer_to_binary(N), " more"];
        _ -> []
    end,
    iolist_to_binary([lists:join(", ", lists:sublist(Sorted, ?MAX_NAMED)), More]).

%% ejabberdctl hands over an error instead of text where its argument is not UTF-8.
prepared(Text, Prepare) when is_binary(Text) ->
    case Prepare(Text) of
        error -> error;
        <<>> -> error;
        Prepared -> {ok, Prepared}
    end;
prepared(_, _) ->
    error.

%% `name=value, name=value', as fields of push_form.
-spec options(term()) -> parsed(push_form:fields()).
options(Text) ->
    case trimmed(Text, <<"options">>, ?MAX_OPTIONS) of
        {ok, Trimmed} ->
            Parts = [string:trim(Part) || Part <- binary:split(Trimmed, <<",">>, [global])],
            options([Part || Part <- Parts, Part =/= <<>>], #{});
        Error ->
            Error
    end.

options([], Fields) ->
    {ok, Fields};
options([Part | Rest], Fields) ->
    case [string:trim(Side) || Side <- binary:split(Part, <<"=">>)] of
        [Name, _] when is_map_key(Name, Fields) ->
            {error, <<"An option is given twice: ", Name/binary>>};
        [Name, Value] ->
            case lists:member(Name, ?OPTIONS) of
                true -> options(Rest, Fields#{Name => [Value]});
                false -> {error, which_options()}
            end;
        _ ->
            {error, which_options()}
    end.

which_options() ->
    iolist_to_binary(["Options are name=value, with a comma between them, or empty; possible are ",
                      lists:join(", ", ?OPTIONS)]).

%% Of the session that the device is bound to.
-spec resource(push_form:fields()) -> parsed(binary()).
resource(#{<<"resource">> := [Resource]}) when Resource =/= <<>> ->
    case jid:resourceprep(Resource) of
        error -> {error, <<"The resource is none that a session can have">>};
        Prepared -> {ok, Prepared}
    end;
resource(#{<<"remove_on_logout">> := [Word]}) when Word =:= <<"true">>; Word =:= <<"1">> ->
    {error, <<"remove_on_logout needs a resource: whose logout?">>};
resource(_) ->
    {ok, <<>>}.

%% A device by what push_devices calls it, the app's own id, or the whole token.
-spec wanted(term()) -> parsed([{node | token | device_id, binary()}]).
wanted(Device) ->
    case trimmed(Device, <<"device">>, ?MAX_DEVICE) of
        {ok, <<>>} ->
            {error, which_device()};
        {ok, Name} ->
            Tokens = case push_form:token(Name) of
                {ok, Token} -> [{token, Token}];
                error -> []
            end,
            {ok, [{node, Name}, {device_id, Name} | Tokens]};
        Error ->
            Error
    end.

which_device() ->
    <<"Say which device: its name in push_devices (d-...), its device_id, or its whole token in "
      "hex or base64">>.

-spec days(term()) -> parsed(non_neg_integer()).
days(Text) when is_binary(Text), byte_size(Text) =< 10 ->
    try binary_to_integer(Text) of
        Days when Days >= 0, Days =< ?MAX_DAYS -> {ok, Days};
        _ -> {error, which_days()}
    catch
        error:badarg -> {error, which_days()}
    end;
days(_) ->
    {error, which_days()}.

which_days() ->
    <<"Days are a number from 0 (all devices) to ", (integer_to_binary(?MAX_DAYS))/binary>>.

-spec text(term()) -> parsed(binary()).
text(Text) ->
    case trimmed(Text, <<"text">>, ?MAX_TEXT) of
        {ok, <<>>} -> {error, <<"The text is empty: push_test has one of its own">>};
        Answer -> Answer
    end.

%% The jid of a push service, as clients name it: a domain.
-spec service(term()) -> parsed(binary()).
service(Service) ->
    case prepared(Service, fun jid:nameprep/1) of
        {ok, Domain} -> {ok, Domain};
        error -> {error, <<"The service is no domain, as push.example.org">>}
    end.

%% By the words of the option db_type.
-spec store(term()) -> parsed(push_devices_mnesia | push_devices_sql).
store(<<"mnesia">>) -> {ok, push_devices_mnesia};
store(<<"sql">>) -> {ok, push_devices_sql};
store(_) -> {error, <<"The store is mnesia or sql, as in the option db_type">>}.

%% For what push_form reads further.
-spec field(term(), What :: binary()) -> parsed(binary()).
field(Text, What) ->
    trimmed(Text, What, ?MAX_OPTIONS).

trimmed(Text, What, Max) when is_binary(Text), byte_size(Text) > Max ->
    {error, <<"The ", What/binary, " must be ", (integer_to_binary(Max))/binary,
              " bytes at most">>};
trimmed(Text, What, _Max) ->
    case is_binary(Text) andalso is_list(unicode:characters_to_list(Text)) of
        true -> {ok, string:trim(Text)};
        false -> {error, <<"The ", What/binary, " must be text in UTF-8">>}
    end.

%%% Rows

%% In the order of push_command_list.
-spec device_row(push_devices:device(), Name :: binary(), push_settings:settings(), engine()) ->
    tuple().
device_row(#{app := App, kind := Kind, token := Token, content := Wish, language := Language,
             resource := Resource, remove_on_logout := RemoveOnLogout, registered_at := At,
             device_id := Id, name := DeviceName} = Device, Name, #{content := Content} = Settings,
           Engine) ->
    {Name, printable(App), environment(App, Settings), atom_to_binary(Kind),
     push_events:short(Token), atom_to_binary(push_content:stricter(Content, Wish)),
     printable(Language), printable(Resource), atom_to_binary(RemoveOnLogout),
     push_registration:datetime(At), printable(Id), printable(DeviceName),
     atom_to_binary(Engine), push_registration:datetime(push_usage:last_used(Device)),
     last_error(Device)}.

last_error(#{last_error := {At, Reason}}) ->
    <<(push_registration:datetime(At))/binary, " ", (printable(Reason))/binary>>;
last_error(_) ->
    <<>>.

environment(App, #{apps := Apps}) ->
    case Apps of
        #{App := #{environment := Word}} when is_atom(Word) -> atom_to_binary(Word);
        #{App := #{environment := URL}} -> URL;
        #{App := _} -> <<"production">>;
        _ -> <<>>
    end.

-spec removal_row(push_removals:removal()) -> tuple().
removal_row(#{node := Node, app := App, kind := Kind, token := Short, device_id := Id,
              name := Name, removed_at := At, why := Why}) ->
    {Node, printable(App), atom_to_binary(Kind), Short, printable(Id), printable(Name),
     push_registration:datetime(At), printable(Why)}.

-spec token_row(push_devices:device(), Name :: binary()) -> tuple().
token_row(#{app := App, kind := Kind, token := Token}, Name) ->
    {Name, printable(App), atom_to_binary(Kind), Token}.

%% A row for each app that the vhost names, and for each that it does not and that has devices.
-spec count_rows(Host :: binary(), Counts :: #{binary() => non_neg_integer()},
                 push_settings:settings(), #{App :: binary() => engine()}) -> [tuple()].
count_rows(Host, Counts, #{apps := Apps}, Engines) ->
    [{Host, printable(App), maps:get(App, Counts, 0),
      atom_to_binary(maps:get(App, Engines, not_configured))}
     || App <- lists:usort(maps:keys(Apps) ++ maps:keys(Counts))].

-spec outcome_row(push_trial:outcome(), Name :: binary()) -> tuple().
outcome_row(#{device := #{app := App, kind := Kind, token := Token}, outcome := Outcome,
              status := Status, reason := Reason, apns_id := ApnsId, advice := Advice}, Name) ->
    {Name, printable(App), atom_to_binary(Kind), push_events:short(Token),
     atom_to_binary(Outcome), Status, printable(Reason), ApnsId, Advice}.

%% Clients chose these texts, and an administrator's terminal shows them: nothing in them may move
%% the cursor or begin another row.
printable(Text) ->
    << <<(printable_char(C))/utf8>> || <<C/utf8>> <= Text >>.

printable_char(C) when C < 16#20; C >= 16#7f, C < 16#a0; C =:= 16#2028; C =:= 16#2029 -> $\s;
printable_char(C) -> C.

%% Stats: of a running app, see apns_nif:stats/1.
-spec engine(map()) -> engine().
engine(#{paused := 1}) -> paused;
engine(#{connections := N}) when N > 0 -> connected;
engine(_) -> unconnected.

-spec removed(non_neg_integer()) -> sentence().
removed(1) -> <<"1 device is removed">>;
removed(N) -> <<(integer_to_binary(N))/binary, " devices are removed">>.

-spec imported(push_import:counts()) -> sentence().
imported(#{imported := Imported, known := Known, refused := Refused, services := Services}) ->
    %% None of the service that was named: another one may be what was meant.
    Others = [["; no device is registered for that service, but for ",
               lists:join(", ", [printable(S) || S <- Services])]
              || Imported + Known + Refused =:= 0, Services =/= []],
    iolist_to_binary(
        ["imported: ", integer_to_binary(Imported), ", known before: ", integer_to_binary(Known),
         ", refused, since they are no tokens of the app: ", integer_to_binary(Refused), Others]).

-spec exported(non_neg_integer()) -> sentence().
exported(1) -> <<"1 device is in the file">>;
exported(N) -> <<(integer_to_binary(N))/binary, " devices are in the file">>.

%% What an import came to, and whether that was all of it.
-spec transferred(push_transfer:report()) -> {whole | partial, sentence()}.
transferred(#{imported := Imported, known := Known, refused := Refused, problems := Problems,
              expected := Expected, key := Key}) ->
    Lines = Imported + Known + Refused,
    Missing = [["; the file is cut off: it promises ", integer_to_binary(Expected),
                " devices and has ", integer_to_binary(Lines)] || Lines < Expected],
    Told = [["; line ", integer_to_binary(Line), ": ", Sentence] || {Line, Sentence} <- Problems],
    Others = [["; and ", integer_to_binary(Refused - length(Problems)), " more wrong lines"]
              || Refused > length(Problems)],
    OtherKey = ["; this server's key stays, since there were devices already: thread ids begin "
                "anew, and apps learn new names of their devices when they register"
                || Key =:= other],
    {case Refused =:= 0 andalso Missing =:= [] of
         true -> whole;
         false -> partial
     end,
     iolist_to_binary(["imported: ", integer_to_binary(Imported), ", known already or registered "
                       "anew since: ", integer_to_binary(Known), ", refused: ",
                       integer_to_binary(Refused), Missing, Told, Others, OtherKey])}.

-spec no_such_app([binary()]) -> sentence().
no_such_app(Apps) ->
    <<"There is no such app on the vhost; there are ", (named(Apps))/binary>>.
